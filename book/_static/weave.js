/* Cards on names, and chunks unfolded in place. Without this script both are plain links.
   The tables are scripts that are fetched when they are first wanted, so that pages work from a folder too. */
(function () {
    'use strict';

    var options = document.getElementById('documentation_options');
    var root = (options && options.getAttribute('data-url_root')) || './';
    var waiting = {};

    /* Runs `then` once the script _static/nw/NAME.js has been loaded; never when it cannot be. */
    function load(name, then) {
        var entry = waiting[name];
        if (!entry) {
            entry = waiting[name] = { done: false, calls: [] };
            var script = document.createElement('script');
            script.src = root + '_static/nw/' + name + '.js';
            script.onload = function () {
                entry.done = true;
                entry.calls.splice(0).forEach(function (call) { call(); });
            };
            document.head.appendChild(script);
        }
        if (entry.done)
            then();
        else
            entry.calls.push(then);
    }

    /* Addresses in the tables are seen from the top of the book. */
    function from_here(element) {
        element.querySelectorAll('a[href]').forEach(function (a) {
            a.setAttribute('href', root + a.getAttribute('href'));
        });
    }

    /* ---- cards ---- */

    var NAMES = 'article a.nw-use, article a.nw-defines, article .nw-mini a';
    var card = null, owner = null, timer = 0;

    function entry_of(a) {
        if (a.title) {
            a.setAttribute('data-said', a.title);
            a.removeAttribute('title');
        }
        return (window.nw_names || {})[a.getAttribute('data-said')];
    }

    function close_card() {
        clearTimeout(timer);
        if (card) {
            card.remove();
            owner.removeAttribute('aria-describedby');
        }
        card = owner = null;
    }

    function show_card(a) {
        if (owner === a || !document.contains(a))
            return;
        var entry = entry_of(a);
        close_card();
        if (!entry)
            return;
        card = document.createElement('div');
        card.className = 'nw-card';
        card.id = 'nw-card';
        card.setAttribute('role', 'tooltip');
        card.innerHTML = '<div class="highlight"><pre>' + entry[0] + '</pre></div>' +
            (entry[1] ? '<p class="nw-contract">' + entry[1] + '</p>' : '') +
            '<p class="nw-where"><a href="' + root + entry[2] + '">⟨' + entry[3] + '⟩ ' +
            '<span class="nw-n">' + entry[4] + '</span></a></p>';
        owner = a;
        a.setAttribute('aria-describedby', 'nw-card');
        document.body.appendChild(card);
        var place = a.getClientRects()[0], edge = document.documentElement.clientWidth;
        var left = Math.max(8, Math.min(place.left, edge - card.offsetWidth - 8));
        var top = place.bottom + 6;
        if (top + card.offsetHeight > window.innerHeight && place.top > card.offsetHeight + 6)
            top = place.top - card.offsetHeight - 6;
        card.style.left = left + window.scrollX + 'px';
        card.style.top = top + window.scrollY + 'px';
    }

    function soon(action, after) {
        clearTimeout(timer);
        timer = setTimeout(action, after);
    }

    function name_at(event) {
        return event.target.closest && event.target.closest(NAMES);
    }

    function want_card(a, after) {
        load('names', function () {
            soon(function () { show_card(a); }, after);
        });
    }

    document.addEventListener('pointerover', function (event) {
        if (event.pointerType === 'touch')
            return;
        var a = name_at(event);
        if (a)
            want_card(a, 250);
        else if (card && event.target.closest && event.target.closest('.nw-card'))
            clearTimeout(timer);
        else if (card)
            soon(close_card, 300);
        else
            clearTimeout(timer);
    });

    document.addEventListener('focusin', function (event) {
        var a = name_at(event);
        if (a && a.matches(':focus-visible'))
            want_card(a, 0);
        else if (card && !event.target.closest('.nw-card'))
            close_card();
    });

    document.addEventListener('keydown', function (event) {
        if (event.key === 'Escape')
            close_card();
    });

    /* A finger has no hover: the first tap shows the card, whose link leads on, and a second one follows the name. */
    var touched = false;
    document.addEventListener('pointerdown', function (event) {
        touched = event.pointerType === 'touch';
        if (card && !(event.target.closest && event.target.closest('.nw-card')) && name_at(event) !== owner)
            close_card();
    });
    document.addEventListener('click', function (event) {
        var a = name_at(event);
        if (a && touched && owner !== a) {
            event.preventDefault();
            want_card(a, 0);
        }
    });

    /* ---- unfolding ---- */

    function page_of(address) {
        var path = new URL(address, document.baseURI).pathname;
        return path.split('/').pop().replace(/\.html$/, '');
    }

    function unfolded(parts, name) {
        var box = document.createElement('span');
        box.className = 'nw-unfolded';
        parts.forEach(function (part) {
            var piece = document.createElement('span');
            piece.className = 'nw-piece';
            piece.innerHTML = '<a class="nw-piece-number" href="' + part[1] + '">' + part[0] + '</a>' + part[2];
            box.appendChild(piece);
        });
        from_here(box);
        box.setAttribute('role', 'group');
        box.setAttribute('aria-label', name);
        add_buttons(box);
        return box;
    }

    function toggle(button, a, name) {
        if (button.nextSibling && button.nextSibling.className === 'nw-unfolded') {
            button.nextSibling.remove();
            button.setAttribute('aria-expanded', 'false');
            return;
        }
        load(page_of(a.href), function () {
            var anchor = decodeURIComponent(new URL(a.href, document.baseURI).hash.slice(1));
            var parts = ((window.nw_chunks || {})[page_of(a.href)] || {})[anchor];
            if (!parts || button.getAttribute('aria-expanded') === 'true')
                return;
            button.after(unfolded(parts, name));
            button.setAttribute('aria-expanded', 'true');
        });
    }

    function add_buttons(within) {
        within.querySelectorAll('a.nw-ref').forEach(function (a) {
            if (a.nextSibling && a.nextSibling.className === 'nw-unfold')
                return;
            var name = a.textContent.trim(), button = document.createElement('button');
            button.type = 'button';
            button.className = 'nw-unfold';
            button.setAttribute('aria-expanded', 'false');
            button.setAttribute('aria-label', 'Unfold ' + name);
            button.addEventListener('click', function () { toggle(button, a, name); });
            a.after(button);
        });
    }

    function begin() {
        add_buttons(document.querySelector('article') || document.body);
    }

    if (document.readyState === 'loading')
        document.addEventListener('DOMContentLoaded', begin);
    else
        begin();

    /* ---- a shadow where more lies to the right ---- */

    function look_right(box) {
        box.parentElement.classList.toggle('nw-more', box.scrollWidth - box.clientWidth - box.scrollLeft > 2);
    }

    function watch_width() {
        var boxes = document.querySelectorAll('.highlight > pre, .drawing-hold > .drawing-frame');
        boxes.forEach(function (box) {
            box.addEventListener('scroll', function () { look_right(box); }, { passive: true });
        });
        if (window.ResizeObserver) {
            var observer = new ResizeObserver(function (seen) {
                seen.forEach(function (one) { look_right(one.target); });
            });
            boxes.forEach(function (box) { observer.observe(box); });
        }
    }

    if (document.readyState === 'loading')
        document.addEventListener('DOMContentLoaded', watch_width);
    else
        watch_width();

    /* ---- what is folded opens for a link to it, or into it ---- */

    function unfold() {
        var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
        if (!target)
            return;
        var opened = false;
        function open(details) {
            opened = opened || !details.open;
            details.open = true;
        }
        for (var above = target; above; above = above.parentElement)
            if (above.tagName === 'DETAILS')
                open(above);
        var section = target.tagName === 'SECTION' ? target : target.tagName === 'SPAN' ? target.parentElement : null;
        if (section && section.tagName === 'SECTION')
            section.querySelectorAll(':scope > details.nw-fold').forEach(open);
        if (opened)
            target.scrollIntoView();
    }

    window.addEventListener('hashchange', unfold);
    unfold();
})();
