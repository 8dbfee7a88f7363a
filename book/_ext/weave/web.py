"""What only the web has: cards and unfolding (scripts), the map that opens a chapter, the names that end a section,
a page for each file and for each chapter's tree, and the trees as archives.

The scripts and archives are written when the pages are done; a file whose bytes stay the same is left alone.
"""
import hashlib
import json
import os
from html import escape

from docutils import nodes
from sphinx.util import logging

from . import cards, growth, html
from .elements import nw_chunk, nw_html

log = logging.getLogger(__name__)
OF_INTEREST = ('function', 'struct', 'union', 'enum', 'macro', 'typedef', 'declared')


def is_web(app):
    return app.builder.name == 'html'


def plural(number, word):
    return f'{number:,} {word}{"" if number == 1 else "s"}'


class Web:
    """The book's growth, ready to be shown."""

    def __init__(self, app):
        self.app, self.view = app, app.noweb_view
        self.growth = growth.Growth(self.view.book)
        self.docs = {growth.chapter_of(path): self.view.doc(path) for path in self.view.book.files}

    def fingerprint(self):
        """Of all that scripts, archives and the pages of files are made from: the code, its numbers, its names."""
        book, view = self.view.book, self.view
        made = hashlib.sha256(repr((view.identifier_page, view.chunk_page)).encode())
        for chunk in book.chunks.values():
            where = view.number(chunk), view.anchors[chunk.label]
            made.update(repr((chunk.file, chunk.name, chunk.text, where)).encode())
        for entry in book.definitions:
            made.update(repr((entry.title, entry.kind, entry.signature, view.target(entry))).encode())
        return made.hexdigest()

    # ------------------------------------------------------------ addresses, as seen from a page

    def address(self, page, target, anchor=''):
        return self.app.builder.get_relative_uri(page, target) + (f'#{anchor}' if anchor else '')

    def download(self, page, chapter):
        up = '../' * page.count('/')
        return f'{up}_static/trees/weft-ch{chapter:02}.tar.gz'

    def a(self, page, target, inner, anchor='', classes=''):
        mark = f' class="{classes}"' if classes else ''
        return f'<a{mark} href="{escape(self.address(page, target, anchor))}">{inner}</a>'

    # ------------------------------------------------------------ the map of a chapter

    def boxes(self, page, chapter):
        """The library as rows of boxes: what there was, what is new, what is still to come."""
        rows = []
        for title, parts in self.app.config.weave_library:
            out = []
            for name, begun in parts:
                state = 'new' if begun == chapter else 'there' if begun < chapter else 'later'
                inner = escape(name)
                if begun in self.docs and begun != chapter:
                    inner = self.a(page, self.docs[begun], inner)
                said = {'new': 'new: ', 'later': 'later: '}.get(state, '')
                said = f'<span class="nw-said">{said}</span>' if said else ''
                out.append(f'<li class="nw-{state}">{said}{inner}</li>')
            rows.append(f'<div class="nw-row"><span class="nw-row-title">{escape(title)}</span>'
                        f'<ul>{"".join(out)}</ul></div>')
        return '\n'.join(rows)

    def whole(self, page):
        """The same boxes where no chapter is the present one: what the book has, and what is to come."""
        after_all = max(self.docs, default=0) + 0.5
        return ('<nav class="nw-map" aria-label="The parts of the library">\n'
                f'<div class="nw-boxes">{self.boxes(page, after_all)}</div>\n'
                '<p>The library, from what bytes mean down to where the kernel is asked. Each part leads to its '
                'chapter; those with a dashed line are still to come.</p>\n</nav>\n')

    def file(self, page, source, chapter):
        return self.a(page, f'files/{source.path}', f'<code>{escape(source.path)}</code>', f'ch{chapter:02}')

    def files(self, page, sources, chapter, added=False):
        return ', '.join(
            self.file(page, s, chapter)
            + (f' <span class="nw-by">+{s.brought_by(chapter)}</span>' if added else '') for s in sources)

    def map(self, page, chapter):
        tree, new, grown = (f(chapter) for f in (self.growth.tree, self.growth.new, self.growth.grown))
        library = [s for s in tree if '/' not in s.path]
        lines = sum(1 for s in library for line in s.upto(chapter) if line.text)
        out = [f'<nav class="nw-map" aria-label="What there is after chapter {chapter}">\n',
               f'<div class="nw-boxes">{self.boxes(page, chapter)}</div>\n' if self.app.config.weave_library else '',
               f'<p>After this chapter the library has {plural(len(library), "file")}, {plural(lines, "line")}. ',
               self.a(page, f'trees/ch{chapter:02}', 'Browse the tree'),
               f' or take it: <a href="{self.download(page, chapter)}" download>weft-ch{chapter:02}.tar.gz</a>.</p>\n']
        said = [(word, shown) for word, shown in (('New', self.files(page, new, chapter)),
                                                  ('Grown', self.files(page, grown, chapter, True))) if shown]
        out.append('<details><summary>' + ', '.join(
            f'{plural(len(found), "file")} {word}' for found, word in ((new, 'new'), (grown, 'grown')) if found)
            + '</summary>\n' + ''.join(f'<p><b>{word}:</b> {shown}</p>\n' for word, shown in said) + '</details>\n')
        return ''.join(out) + '</nav>\n'

    def names(self, section, writer):
        """The names that the chunks of a section use and do not define."""
        book = self.view.book
        chunks = [book.files[n['file']].chunks[n['ordinal'] - 1]
                  for n in section.findall(nw_chunk) if 'ordinal' in n]
        here = {chunk.label for chunk in chunks}
        used = {}
        for chunk in chunks:
            for use in chunk.uses:
                made = use.definition
                if use.counts and made.kind in OF_INTEREST and made.label not in here \
                        and chunk.label not in made.declarations:
                    target = self.view.target(made)
                    used[made.title, target.number] = target
        if not used:
            return ''
        ordered = sorted(used.items(), key=lambda item: item[0][0].split(' ')[-1].lower())
        shown = (f'<span>{writer.a(target, f"<code>{escape(title)}</code>", "nw-use")}&nbsp;'
                 f'<span class="nw-n">{number}</span></span>' for (title, number), target in ordered)
        title = next(iter(section.findall(nodes.title))).astext()
        return (f'<aside class="nw-mini" aria-label="Names used in “{escape(title)}”">\n<p>'
                + '\n'.join(shown) + '</p></aside>\n')

    def digest(self, doc):
        """Of what the map of this page shows of other chapters."""
        chapter = next((number for number, name in self.docs.items() if name == doc), 0)
        return repr(self.map_facts(chapter)) if chapter else ''

    def map_facts(self, chapter):
        return [(s.path, s.chapter, s.brought_by(chapter), sum(1 for line in s.upto(chapter) if line.text))
                for s in self.growth.tree(chapter)]

    # ------------------------------------------------------------ pages of files and trees

    def tree_page(self, chapter):
        page = f'trees/ch{chapter:02}'
        title = self.app.env.titles[self.docs[chapter]].astext()
        out = [f'<section id="tree"><h1>The tree at chapter {chapter}</h1>\n',
               f'<p>The files after chapter {chapter}, ', self.a(page, self.docs[chapter], escape(title)), '. ',
               f'<a href="{self.download(page, chapter)}" download>weft-ch{chapter:02}.tar.gz</a> '
               'holds the same files, with a Makefile that needs make, a C compiler'
               + (', OpenSSL' if any(s.path == 'tls.c' for s in self.growth.tree(chapter)) else '')
               + ' and nothing else:</p>\n',
               f'<div class="highlight-console notranslate"><div class="highlight"><pre>'
               f'$ tar xzf weft-ch{chapter:02}.tar.gz\n$ make -C weft-ch{chapter:02}\n</pre></div></div>\n',
               '<p class="nw-tabs">', ' '.join(
                   f'<b aria-current="page">{n}</b>' if n == chapter else
                   self.a(page, f'trees/ch{n:02}', str(n)) for n in self.growth.chapters), '</p>\n']
        groups = {}
        for source in self.growth.tree(chapter):
            groups.setdefault(source.path.partition('/')[0] if '/' in source.path else '', []).append(source)
        for group, sources in groups.items():
            heading = {'': 'The library', 'programs': 'Programs', 'bad': 'Programs that fail'}.get(group, group)
            out.append(f'<p class="rubric">{heading}</p>\n<ul class="nw-list nw-tree">\n')
            for source in sources:
                lines, added = sum(1 for line in source.upto(chapter) if line.text), source.brought_by(chapter)
                note = '' if not added else 'new' if source.chapter == chapter else f'+{added} in this chapter'
                shown = self.file(page, source, chapter)
                out.append(f'<li><span class="nw-what">{shown}</span> <span class="nw-where">{plural(lines, "line")}'
                           + (f' <span class="nw-by">{note}</span>' if note else '') + '</span></li>\n')
            out.append('</ul>\n')
        return page, f'The tree at chapter {chapter}', ''.join(out) + '</section>\n'

    def file_page(self, source):
        page = f'files/{source.path}'
        last = self.growth.chapters[-1]
        steps = source.chapters
        out = [f'<section id="file"><h1><code>{escape(source.path)}</code></h1>\n<p>Begun in ',
               self.a(page, self.docs[source.chapter], f'chapter {source.chapter}')]
        later = [n for n in steps if n > source.chapter]
        if later:
            out += [', continued in ', ', '.join(self.a(page, self.docs[n], str(n)) for n in later)]
        out += ['. The numbers on the left lead to the chunks. ',
                'Choose a chapter to see the file as it was then, with what that chapter brought marked.</p>\n' if later
                else '</p>\n', '<div class="nw-time">\n']
        shown = range(source.chapter, last + 1)
        out += [f'<span id="ch{n:02}" class="nw-when"></span>' for n in shown]
        added = {n: f' <span class="nw-by">+{source.brought_by(n)}</span>' for n in steps}
        out += ['\n<p class="nw-tabs">',
                ' '.join(f'<a class="t{n:02}" href="#ch{n:02}">{n}{added.get(n, "")}</a>' for n in shown),
                ' <a href="#file">all</a> <span class="nw-by">',
                self.a(page, f'trees/ch{last:02}', 'all files'), '</span></p>\n']
        out.append(self.style(shown))
        out.append('<div class="highlight-c notranslate"><div class="highlight"><pre tabindex="0">')
        lines = source.upto(last)
        code = html.highlighted('\n'.join(line.text for line in lines)).split('\n')
        before = None
        for line, inner in zip(lines, code):
            gutter = '<i></i>'
            if line.chunk is not before and line.text:
                link, before = self.view.link(line.chunk), line.chunk
                gutter = (f'<a href="{escape(self.address(page, link.doc, link.anchor))}" '
                          f'title="⟨{escape(link.text)}⟩">{link.number}</a>')
            out.append(f'<span class="c{line.chapter:02}">{gutter}{inner}\n</span>')
        out.append('</pre></div></div>\n</div>\n</section>\n')
        return page, source.path, ''.join(out)

    @staticmethod
    def style(shown):
        """Which lines are seen at which chapter: without a script, by the address alone."""
        rules = []
        for n in shown:
            hidden = ', '.join(f'#ch{n:02}:target ~ div .c{m:02}' for m in shown if m > n)
            if hidden:
                rules.append(f'{hidden} {{ display: none }}')
            rules.append(f'#ch{n:02}:target ~ div .c{n:02} {{ background: var(--nw-added) }}')
            rules.append(f'#ch{n:02}:target ~ p .t{n:02} {{ font-weight: 700; border-color: currentColor }}')
        return '<style>' + '\n'.join(rules) + '</style>\n'

    # ------------------------------------------------------------ what stands beside the pages

    def scripts(self):
        """(path in _static, text)"""
        writer = html.Writer(self.app.builder, self.app.config.root_doc)
        yield 'nw/names.js', cards.script('nw_names', cards.names(self.view))
        for path in self.view.book.files:
            name = self.view.doc(path).removeprefix('chapters/').replace('/', '-')
            yield f'nw/{name}.js', cards.script('nw_chunks', {name: cards.chunks(self.view, path, writer)})


# ---------------------------------------------------------------- Sphinx's events

def web_of(app):
    if getattr(app, 'noweb_web', None) is None or app.noweb_web.view is not app.noweb_view:
        app.noweb_web = Web(app)
    return app.noweb_web


def decorate(app, doctree, docname):
    """The map and the names of each section, while the marks of the chunks are still there."""
    web = web_of(app)
    chapter = growth.chapter_of(docname + '.nw')
    if not is_web(app) or not chapter:
        return
    writer = html.Writer(app.builder, docname)
    top = next(iter(doctree.findall(nodes.section)), None)
    if top is None:
        return
    for section in [child for child in top.children if isinstance(child, nodes.section)]:
        found = web.names(section, writer)
        if found:
            section += nw_html(html=found)
    title = next((index for index, child in enumerate(top.children) if isinstance(child, nodes.title)), -1)
    top.insert(title + 1, nw_html(html=web.map(docname, chapter)))


def whole_library(app, docname):
    return web_of(app).whole(docname) if is_web(app) and app.config.weave_library else ''


def write_if_changed(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with open(path, 'rb') as file:
            if file.read() == data:
                return
    except FileNotFoundError:
        pass
    with open(path, 'wb') as file:
        file.write(data)


def collected_pages(app, everywhere):
    """The pages of files and trees; those that would come out the same as last time are left alone."""
    if not is_web(app):
        return
    web = web_of(app)
    record = os.path.join(app.doctreedir, 'collected.json')
    try:
        with open(record, encoding='utf-8') as file:
            old = json.load(file)
    except (FileNotFoundError, ValueError):
        old = {}
    new = {'': everywhere + web.fingerprint()}
    if old.get('') == new[''] and all(os.path.exists(app.builder.get_outfilename(page)) for page in old if page):
        return
    pages = [web.tree_page(n) for n in web.growth.chapters]
    pages += [web.file_page(source) for source in web.growth.sources.values()]
    for page, title, body in pages:
        new[page] = hashlib.sha256(f'{everywhere}{body}'.encode()).hexdigest()
        path = app.builder.get_outfilename(page)
        if old.get(page) != new[page] or not os.path.exists(path):
            yield page, {'title': title, 'body': body, 'parents': [], 'metatags': ''}, 'page.html'
    for page in set(old) - set(new) - {''}:
        try:
            os.remove(app.builder.get_outfilename(page))
        except FileNotFoundError:
            pass
    with open(record, 'w', encoding='utf-8') as file:
        json.dump(new, file)


def write_files(app, exception):
    """The scripts and the archives, and none that belong to a chapter that is gone."""
    if exception or not is_web(app):
        return
    web, static = web_of(app), os.path.join(app.outdir, '_static')
    with open(os.path.join(app.doctreedir, 'collected.json'), encoding='utf-8') as file:
        now = json.load(file)['']
    record = os.path.join(app.doctreedir, 'beside.json')
    if os.path.exists(record):
        with open(record, encoding='utf-8') as file:
            if json.load(file) == now and os.path.exists(os.path.join(static, 'nw', 'names.js')):
                return
    files = {path: text.encode() for path, text in web.scripts()}
    try:
        with open(os.path.join(app.srcdir, 'LICENSE'), encoding='utf-8') as file:
            licence = file.read()
    except FileNotFoundError:
        licence = ''
    for chapter in web.growth.chapters:
        files[f'trees/weft-ch{chapter:02}.tar.gz'] = web.growth.archive(chapter, licence)
    for path, data in files.items():
        write_if_changed(os.path.join(static, path), data)
    for folder in ('nw', 'trees'):
        for name in os.listdir(os.path.join(static, folder)):
            if f'{folder}/{name}' not in files:
                os.remove(os.path.join(static, folder, name))
    with open(record, 'w', encoding='utf-8') as file:
        json.dump(now, file)
