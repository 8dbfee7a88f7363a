/* Steps through a run of the library. The table of its events stands in the page; this puts a stage above it. */
(function () {
    'use strict';

    function element(tag, css, text) {
        var made = document.createElement(tag);
        if (css)
            made.className = css;
        if (text)
            made.textContent = text;
        return made;
    }

    function button(label, text, action) {
        var made = element('button', 'nw-step-button', text);
        made.type = 'button';
        made.setAttribute('aria-label', label);
        made.addEventListener('click', action);
        return made;
    }

    /* A titled row of boxes; the returned function fills it. */
    function boxes(stage, title) {
        var row = element('div', 'nw-stage-row'), list = element('ul');
        row.appendChild(element('span', 'nw-stage-title', title));
        row.appendChild(list);
        stage.appendChild(row);
        return function (names) {
            list.textContent = '';
            (names.length ? names : ['empty']).forEach(function (name) {
                list.appendChild(element('li', names.length ? '' : 'nw-none', name));
            });
        };
    }

    /* The buffer as a bar with its marks. */
    function bar(stage, marks, largest) {
        var row = element('div', 'nw-stage-row'), frame = element('div', 'nw-bar'), fill = element('div', 'nw-bar-fill');
        var text = element('span', 'nw-bar-text');
        var whole = Math.max(largest, marks[marks.length - 1] || 0) * 1.05;
        row.appendChild(element('span', 'nw-stage-title', 'unsent'));
        frame.appendChild(fill);
        marks.forEach(function (mark, index) {
            var line = element('i', 'nw-mark');
            line.style.left = 100 * mark / whole + '%';
            line.title = (index ? 'high' : 'low') + ' mark: ' + mark.toLocaleString('en') + ' bytes';
            frame.appendChild(line);
        });
        row.appendChild(frame);
        row.appendChild(text);
        stage.appendChild(row);
        return function (size) {
            fill.style.width = 100 * size / whole + '%';
            text.textContent = size.toLocaleString('en') + ' bytes';
        };
    }

    function play(stage) {
        var steps = JSON.parse(stage.getAttribute('data-steps')), at = 0;
        var marks = stage.getAttribute('data-marks').split(' ').filter(Boolean).map(Number);
        var table = stage.parentNode.querySelector('table');
        var rows = table.querySelectorAll('tbody tr');
        var label = stage.getAttribute('data-label');
        stage.setAttribute('role', 'group');
        stage.setAttribute('aria-label', 'Player: ' + label);

        var controls = element('div', 'nw-controls'), place = element('span', 'nw-place');
        var slider = element('input');
        slider.type = 'range';
        slider.min = 1;
        slider.max = steps.length;
        slider.setAttribute('aria-label', 'Step');
        slider.addEventListener('input', function () { show(slider.value - 1); });
        var back = button('Previous step', '◀', function () { show(at - 1); });
        var on = button('Next step', '▶', function () { show(at + 1); });
        [back, on, slider, place].forEach(function (part) { controls.appendChild(part); });
        stage.appendChild(controls);
        var say = element('p', 'nw-say');
        say.setAttribute('aria-live', 'polite');
        stage.appendChild(say);
        var queue = boxes(stage, 'queue'), running = boxes(stage, 'calls');
        var largest = Math.max.apply(null, steps.map(function (step) { return step[5]; }));
        var unsent = largest ? bar(stage, marks, largest) : function () {};

        /* The table stays, folded away, with the present row marked. */
        var wrapper = table.closest('.table-wrapper') || table;
        var fold = element('details'), summary = element('summary', '', 'All ' + steps.length + ' events');
        wrapper.parentNode.insertBefore(fold, wrapper);
        fold.appendChild(summary);
        fold.appendChild(wrapper);

        function show(step) {
            rows[at].removeAttribute('aria-current');
            at = Math.max(0, Math.min(steps.length - 1, step));
            var now = steps[at];
            rows[at].setAttribute('aria-current', 'step');
            say.textContent = now[2];
            place.textContent = at + 1 + ' of ' + steps.length + ', after ' + now[0].toFixed(6) + ' s';
            slider.value = at + 1;
            slider.setAttribute('aria-valuetext', 'Step ' + (at + 1) + ' of ' + steps.length);
            back.disabled = at === 0;
            on.disabled = at === steps.length - 1;
            queue(now[3]);
            running(now[4]);
            unsent(now[5]);
        }

        show(0);
        stage.hidden = false;
    }

    function begin() {
        document.querySelectorAll('.nw-stage').forEach(play);
    }

    if (document.readyState === 'loading')
        document.addEventListener('DOMContentLoaded', begin);
    else
        begin();
})();
