#!/usr/bin/env node
/* The woven book in a browser: every page, from a folder and from a server, as a reader would use it.

     tests/book/browser/run.js [--only WORD] [--book build/book/html] [--pictures build/book/pictures]

   Needs Debian's Chromium, and playwright-core and axe-core in the folder that NODE_PATH names (`make setup-book`).
   Prints a line a test and, last, `N passed, N failed`. No request may leave the machine: one that tries fails its test. */
'use strict';

const fs = require('fs');
const http = require('http');
const path = require('path');
const { chromium } = require('playwright-core');

const argument = (name, otherwise) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? otherwise : process.argv[at + 1];
};
const BOOK = path.resolve(argument('--book', 'build/book/html'));
const PICTURES = path.resolve(argument('--pictures', 'build/book/pictures'));
const ONLY = argument('--only', '');
const CHROMIUM = process.env.CHROMIUM || '/usr/bin/chromium';
const AXE = require.resolve('axe-core/axe.min.js');
const KINDS = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
    '.png': 'image/png', '.gz': 'application/gzip', '.inv': 'application/octet-stream' };

/* ---- the pages ---- */

function pages_below(folder) {
    return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const name = path.join(folder, entry.name);
        if (entry.isDirectory())
            return entry.name === '_static' || entry.name === '_sources' ? [] : pages_below(name);
        return entry.name.endsWith('.html') ? [path.relative(BOOK, name)] : [];
    }).sort();
}

const PAGES = pages_below(BOOK);
const CHAPTERS = PAGES.filter((page) => /^chapters\/\d/.test(page));
/* Of the pages of files, which are all alike, the longest, the shortest and one from a folder stand for the others. */
const of_files = PAGES.filter((page) => page.startsWith('files/'))
    .sort((a, b) => fs.statSync(path.join(BOOK, a)).size - fs.statSync(path.join(BOOK, b)).size);
const SAMPLED = PAGES.filter((page) => !page.startsWith('files/')).concat(
    [of_files[0], of_files[of_files.length - 1], of_files.find((page) => page.startsWith('files/programs/'))]);

function serve() {
    const server = http.createServer((request, response) => {
        const name = decodeURIComponent(new URL(request.url, 'http://x').pathname);
        const file = path.join(BOOK, name.endsWith('/') ? name + 'index.html' : name);
        if (!file.startsWith(BOOK) || !fs.existsSync(file) || fs.statSync(file).isDirectory()) {
            response.writeHead(404).end();
            return;
        }
        response.writeHead(200, { 'content-type': KINDS[path.extname(file)] || 'text/plain' });
        fs.createReadStream(file).pipe(response);
    });
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/* ---- checking ---- */

function check(condition, message) {
    if (!condition)
        throw new Error(message);
}

function equal(got, wanted, what) {
    check(JSON.stringify(got) === JSON.stringify(wanted),
        `${what}: ${JSON.stringify(got)} and not ${JSON.stringify(wanted)}`);
}

/* Opens contexts whose pages note everything that goes wrong: messages on the console, errors, requests elsewhere. */
class Reader {
    constructor(browser, bases) {
        this.browser = browser;
        this.bases = bases;
        this.wrong = [];
    }

    async open(page, { from = 'folder', ...options } = {}) {
        const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
        this.contexts = (this.contexts || []).concat(context);
        const tab = await context.newPage();
        tab.setDefaultTimeout(15000);
        tab.on('console', (message) => {
            if (['error', 'warning'].includes(message.type()))
                this.wrong.push(`${tab.url()}: ${message.text()}`);
        });
        tab.on('pageerror', (error) => this.wrong.push(`${tab.url()}: ${error.message}`));
        await context.route('**/*', (route) => {
            const url = route.request().url();
            if (Object.values(this.bases).some((base) => url.startsWith(base)) || url.startsWith('data:'))
                return route.continue();
            this.wrong.push(`${tab.url()} asks for ${url}`);
            return route.abort();
        });
        tab.to = (where) => tab.goto(this.bases[from] + where, { waitUntil: 'load' });
        if (page)
            await tab.to(page);
        return tab;
    }

    async close() {
        await Promise.all((this.contexts || []).map((context) => context.close()));
        this.contexts = [];
        const wrong = this.wrong.splice(0);
        check(!wrong.length, wrong.slice(0, 5).join('\n      '));
    }
}

const tests = [];
const test = (name, run) => tests.push({ name, run });

/* ---- every page ---- */

test('every page opens from a folder without a word on the console, and every link in it leads somewhere', async (reader) => {
    const tab = await reader.open();
    const ids = {}, links = [];
    for (const page of PAGES) {
        await tab.to(page);
        const found = await tab.evaluate(() => ({
            ids: Array.from(document.querySelectorAll('[id]'), (element) => element.id),
            links: Array.from(document.querySelectorAll('a[href]'), (a) => [a.getAttribute('href'), a.href]),
        }));
        ids[page] = new Set(found.ids);
        found.links.forEach(([written, whole]) => links.push([page, written, whole]));
    }
    const bad = new Set();
    for (const [page, written, whole] of links) {
        const url = new URL(whole);
        if (url.protocol !== 'file:')
            continue;
        const target = path.relative(BOOK, decodeURIComponent(url.pathname));
        const anchor = decodeURIComponent(url.hash.slice(1));
        const exists = target in ids || fs.existsSync(path.join(BOOK, target));
        if (!exists || (anchor && target in ids && !ids[target].has(anchor)))
            bad.add(`${page}: ${written}`);
    }
    check(!bad.size, `${bad.size} links lead nowhere: ${[...bad].slice(0, 5).join(', ')}`);
    check(links.length > 10000, `only ${links.length} links were found`);
});

test('every page opens from a server without a word on the console', async (reader) => {
    const tab = await reader.open('', { from: 'server' });
    for (const page of SAMPLED)
        await tab.to(page);
});

for (const width of [360, 1280])
    test(`no page scrolls sideways at ${width} pixels`, async (reader) => {
        const tab = await reader.open('', { viewport: { width, height: 900 } });
        const wide = [];
        for (const page of SAMPLED) {
            await tab.to(page);
            const [has, room] = await tab.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
            if (has > room)
                wide.push(`${page} is ${has} wide`);
        }
        check(!wide.length, wide.join(', '));
    });

test('every figure fits a phone, and says in words what it shows', async (reader) => {
    const tab = await reader.open('', { viewport: { width: 360, height: 900 } });
    const wrong = [];
    let figures = 0;
    for (const page of CHAPTERS) {
        await tab.to(page);
        const found = await tab.evaluate(() => [...document.querySelectorAll('figure.drawing')].map((figure) => {
            const frame = figure.querySelector('.drawing-frame');
            return { caption: figure.innerText.trim().slice(0, 40), has: frame.scrollWidth, room: frame.clientWidth,
                words: frame.querySelector('svg').getAttribute('aria-label').length };
        }));
        figures += found.length;
        found.filter((figure) => figure.has > figure.room + 1)
            .forEach((figure) => wrong.push(`${page}: ${figure.caption} is ${figure.has} wide`));
        found.filter((figure) => figure.words < 60)
            .forEach((figure) => wrong.push(`${page}: ${figure.caption} has hardly a word for who cannot see it`));
    }
    check(!wrong.length, wrong.join('\n      '));
    check(figures > 100, `only ${figures} figures were found`);
});

/* axe with all its rules in light; in dark, where only the colours are others, those about colours, and of the chapters,
   which share them all, three: the first, one with plots and a player, and the last. */
const IN_DARK = SAMPLED.filter((page) => !CHAPTERS.includes(page) || /^chapters\/0[158]/.test(page));
for (const [theme, rules] of [['light', null], ['dark', ['color-contrast', 'link-in-text-block']]])
    test(`axe finds nothing to complain about in ${theme} colours`, async (reader) => {
        const found = [];
        const look = async (pages) => {
            const tab = await reader.open('', { colorScheme: theme });
            for (const page of pages) {
                await tab.to(page);
                await tab.addScriptTag({ path: AXE });
                const violations = await tab.evaluate((only) => window.axe.run(document, {
                    preload: false, resultTypes: ['violations'],
                    ...(only ? { rules: Object.fromEntries(window.axe.getRules().map((rule) =>
                        [rule.ruleId, { enabled: only.includes(rule.ruleId) }])) } : {}),
                }).then((result) => result.violations.map((violation) =>
                    `${violation.id}: ${violation.nodes.length} × ${violation.nodes[0].html.slice(0, 100)}`)), rules);
                violations.forEach((violation) => found.push(`${page}: ${violation}`));
            }
        };
        const half = (odd) => (rules ? IN_DARK : SAMPLED).filter((_, index) => index % 2 === odd);
        await Promise.all([look(half(0)), look(half(1))]);
        check(!found.length, found.slice(0, 8).join('\n      '));
    });

/* ---- what a reader does ---- */

const TERMS = [     // what is typed, and what the first answer must be called
    ['loop_create_server', 'loop_create_server'],
    ['transport_write', 'transport_write'],
    ['make one pass', 'make one pass'],
    ['data_received', 'data_received'],
    ['struct loop', 'struct loop'],
    ['frame_protocol', 'frame_protocol'],
    ['tls_client_context', 'tls_client_context'],
    ['keep the tail', 'keep the tail'],
    ['half-close', ''],
    ['zombie', ''],
];

for (const from of ['folder', 'server'])
    test(`the search answers ten questions, names first, from a ${from}`, async (reader) => {
        const tab = await reader.open('', { from });
        for (const [typed, first] of TERMS) {
            await tab.to('search.html?q=' + encodeURIComponent(typed));
            await tab.waitForFunction(() => /found|did not match/i.test(
                (document.querySelector('#search-results .search-summary') || {}).textContent || ''));
            const answers = await tab.locator('#search-results li').allInnerTexts();
            check(answers.length, `nothing is found for ${typed}`);
            check(answers[0].includes(first), `${typed}: the first answer is ${answers[0]}`);
        }
    });

test('no key of the browser is taken away', async (reader) => {
    const tab = await reader.open('preface.html');
    for (const key of ['/', 's', 'n', 'p', 'ArrowLeft', 'ArrowRight'])
        await tab.keyboard.press(key);
    equal(await tab.evaluate(() => document.activeElement.tagName), 'BODY', 'the focus is in');
    check(tab.url().endsWith('preface.html'), `a key led to ${tab.url()}`);
});

test('the theme can be switched and is remembered', async (reader) => {
    const tab = await reader.open('preface.html', { from: 'server', colorScheme: 'light' });
    const ground = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await ground();
    for (let i = 0; i < 3 && await ground() === before; i++)
        await tab.locator('.theme-toggle:visible').first().click();
    const after = await ground();
    check(after !== before, 'the page is as light as before');
    await tab.to('glossary.html');
    equal(await ground(), after, 'on the next page the ground is');
});

test('a name shows its card under the pointer, and loses it by Escape', async (reader) => {
    const tab = await reader.open('chapters/02-transports.html');
    const name = tab.locator('.nw-mini a', { hasText: 'loop_call_soon' }).first();
    await name.hover();
    const card = tab.locator('.nw-card');
    await card.waitFor();
    const text = await card.innerText();
    check(text.includes('int loop_call_soon(struct loop *, struct handle *);'), `the card says ${text}`);
    check(text.includes('asyncio: call_soon'), `the card has no contract: ${text}`);
    await card.locator('a').hover();
    equal(await card.count(), 1, 'cards under the pointer');
    await tab.keyboard.press('Escape');
    equal(await card.count(), 0, 'cards after Escape');
});

test('a card comes by the keyboard, and its name is described by it', async (reader) => {
    const tab = await reader.open('chapters/01-select-loop.html');
    const name = await tab.locator('article .nw-code a.nw-use[title*="function"]').first().elementHandle();
    await name.evaluate((a) => {
        const before = document.createElement('button');
        a.before(before);
        before.focus();
    });
    await tab.keyboard.press('Tab');
    await tab.locator('.nw-card').waitFor();
    equal(await name.getAttribute('aria-describedby'), 'nw-card', 'the name is described by');
});

test('a finger sees the card first and follows the link second', async (reader) => {
    const tab = await reader.open('chapters/03-protocols.html',
        { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const name = await tab.locator('article .nw-code a.nw-use[title*="function"]').first().elementHandle();
    await name.scrollIntoViewIfNeeded();
    const before = tab.url();
    await name.tap();
    await tab.locator('.nw-card').waitFor();
    equal(tab.url(), before, 'after one tap the page is');
    const box = await tab.locator('.nw-card').boundingBox();
    check(box.x >= 0 && box.x + box.width <= 360, `the card lies from ${box.x} to ${box.x + box.width}`);
    await name.tap();
    await tab.waitForURL(/#chunk-/);
});

test('a chunk unfolds where it is named, and what it names unfolds in turn', async (reader) => {
    const tab = await reader.open('chapters/01-select-loop.html');
    const chunk = tab.locator('#chunk-loop-c');
    const button = chunk.locator('.nw-unfold[aria-label*="one pass of the loop"]');
    await button.scrollIntoViewIfNeeded();
    await button.focus();
    await tab.keyboard.press('Enter');
    const unfolded = chunk.locator('.nw-unfolded').first();
    await unfolded.waitFor();
    equal(await button.getAttribute('aria-expanded'), 'true', 'the button is expanded');
    await unfolded.locator('.nw-unfold').first().click();
    await unfolded.locator('.nw-unfolded').first().waitFor();
    for (const href of await unfolded.locator('a').evaluateAll((links) => links.map((a) => a.href)))
        check(fs.existsSync(decodeURIComponent(new URL(href).pathname)), `a link leads to ${href}`);
    await button.click();
    equal(await chunk.locator('.nw-unfolded').count(), 0, 'after folding there are');
});

test('a chunk of another chapter unfolds too', async (reader) => {
    const tab = await reader.open();
    for (const page of CHAPTERS) {
        await tab.to(page);
        const name = path.basename(page);
        const elsewhere = tab.locator(`a.nw-ref[href*=".html#"]:not([href*="${name}"]) + .nw-unfold`).first();
        if (!await elsewhere.count())
            continue;
        await elsewhere.scrollIntoViewIfNeeded();
        await elsewhere.click();
        await tab.locator('.nw-unfolded').first().waitFor();
        return;
    }
    throw new Error('no chapter names a chunk of another');
});

test('the players are stepped through by the keyboard', async (reader) => {
    const tab = await reader.open();
    let players = 0;
    for (const page of CHAPTERS) {
        await tab.to(page);
        for (const player of await tab.locator('.nw-play').all()) {
            players++;
            const say = player.locator('.nw-say'), on = player.getByRole('button', { name: 'Next step' });
            const count = Number(await player.locator('input[type=range]').getAttribute('max'));
            const said = new Set([await say.innerText()]);
            await on.focus();
            for (let step = 1; step < count; step++) {
                await tab.keyboard.press('Enter');
                check((await player.locator('.nw-place').innerText()).startsWith(`${step + 1} of ${count}`),
                    `${page}: step ${step + 1} is not shown`);
                said.add(await say.innerText());
            }
            check(await on.isDisabled(), `${page}: there is a step after the last`);
            check(said.size > count / 2, `${page}: ${count} steps say ${said.size} things`);
            await player.locator('input[type=range]').focus();
            await tab.keyboard.press('Home');
            check((await player.locator('.nw-place').innerText()).startsWith('1 of'), `${page}: Home is not the first`);
            await player.locator('summary').click();
            equal(await player.locator('tr[aria-current]').count(), 1, 'rows that are marked');
        }
    }
    check(players >= 3, `there are ${players} players`);
});

test('a file can be seen as it was after each chapter', async (reader) => {
    const tab = await reader.open('files/transport.c.html');
    const seen = () => tab.evaluate(() => Array.from(document.querySelectorAll('.nw-time pre > span'))
        .filter((line) => line.offsetParent || line.getClientRects().length).length);
    const counts = [];
    for (const link of await tab.locator('.nw-tabs a[href^="#ch"]').all()) {
        await link.click();
        counts.push(await seen());
    }
    equal(counts, [...counts].sort((a, b) => a - b), 'the lines of each chapter');
    check(counts[0] < counts[counts.length - 1], 'the file has not grown');
});

test('a chapter leads to its tree, and the tree to its archive', async (reader) => {
    const tab = await reader.open('chapters/03-protocols.html', { from: 'server' });
    await tab.getByRole('link', { name: 'Browse the tree' }).click();
    await tab.waitForURL(/trees\/ch03/);
    const [download] = await Promise.all([tab.waitForEvent('download'), tab.locator('a[download]').first().click()]);
    check(fs.readFileSync(await download.path()).length > 10000, 'the archive is small');
});

test('without scripts everything can be read', async (reader) => {
    const tab = await reader.open('chapters/05-flow-control.html', { javaScriptEnabled: false });
    check(await tab.locator('.nw-play table').first().isVisible(), 'the table of the player is not seen');
    equal(await tab.locator('.nw-stage:visible').count(), 0, 'stages that are seen');
    await tab.locator('article .nw-code a.nw-use').first().click();
    check(tab.url().includes('#chunk-'), `a name leads to ${tab.url()}`);
    await tab.to('index.html');
    await tab.locator('.nw-chapters a').first().click();
    check(tab.url().includes('chapters/01'), `the first chapter is ${tab.url()}`);
    await tab.to('files/transport.c.html#ch02');
    check(!await tab.locator('.nw-time .c05').first().isVisible(), 'a line of chapter 5 is seen at chapter 2');
});

test('what is copied from a transcript is what is typed', async (reader) => {
    const tab = await reader.open('preface.html', { from: 'server', permissions: ['clipboard-read', 'clipboard-write'] });
    await tab.locator('.highlight-console button.copybtn, .highlight-transcript button.copybtn').first().click();
    await tab.waitForFunction(() => navigator.clipboard.readText().then((text) => text.length > 0));
    const copied = await tab.evaluate(() => navigator.clipboard.readText());
    check(copied.startsWith('make setup') && !copied.includes('$ '), `copied was ${copied}`);
});

test('key pages have their pictures taken', async (reader) => {
    fs.mkdirSync(PICTURES, { recursive: true });
    const pages = ['index', 'preface', 'article', 'counterparts', 'identifiers', 'files/transport.c', 'trees/ch05']
        .concat(CHAPTERS.map((page) => page.replace('.html', '')));
    for (const [name, options] of [['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }],
        ['phone', { colorScheme: 'light', viewport: { width: 360, height: 740 } }]]) {
        const tab = await reader.open('', options);
        for (const page of pages) {
            await tab.to(page + '.html');
            await tab.screenshot({ path: path.join(PICTURES, `${page.replace(/\//g, '-')}-${name}.png`) });
        }
    }
});

/* ---- running ---- */

async function main() {
    if (!fs.existsSync(path.join(BOOK, 'index.html'))) {
        console.error(`${BOOK} has no index.html: 'make html' weaves it`);
        process.exit(1);
    }
    const server = await serve();
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
        '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update',
        '--disable-sync'] });
    const bases = { folder: `file://${BOOK}/`, server: `http://127.0.0.1:${server.address().port}/` };
    /* Two at a time: a page is made by one process, and there are two cores where this runs most. axe takes longest. */
    const waiting = tests.filter((one) => one.name.includes(ONLY))
        .sort((a, b) => b.name.startsWith('axe') - a.name.startsWith('axe'));
    let passed = 0, failed = 0;
    const work = async () => {
        for (let one = waiting.shift(); one; one = waiting.shift()) {
            const reader = new Reader(browser, bases), began = Date.now();
            try {
                await one.run(reader);
                await reader.close();
                passed++;
                console.log(`ok    ${one.name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
            } catch (error) {
                failed++;
                console.log(`FAIL  ${one.name}: ${error.message}`);
                await reader.close().catch((more) => console.log(`      ${more.message}`));
            }
        }
    };
    await Promise.all([work(), work()]);
    await browser.close();
    server.close();
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed ? 1 : 0);
}

main().catch((error) => {
    console.error(error.message);
    process.exit(1);
});
