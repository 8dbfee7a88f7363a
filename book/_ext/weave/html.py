"""How a chunk looks in HTML."""
import re
from html import escape

from docutils import nodes
from pygments.lexers import BashLexer, CLexer, MakefileLexer, PythonLexer
from pygments.token import STANDARD_TYPES, Name

from .view import Link, typeset


class C(CLexer):
    """For Pygments `thread` is a keyword, as it was for one compiler; here it is a name."""

    def get_tokens_unprocessed(self, text, stack=('root',)):
        for index, token, value in super().get_tokens_unprocessed(text, stack):
            yield index, Name if value == 'thread' else token, value


LEXERS = {name: lexer(stripnl=False, ensurenl=False) for name, lexer in (
    ('c', C), ('python', PythonLexer), ('bash', BashLexer), ('make', MakefileLexer))}


LONG = 18                           # letters of a code in prose that may be broken by the end of a line
SEAM = re.compile(r'(?<=[_/:.])(?=\w)|(?<=[a-z])(?=[A-Z])')
PLAIN = ('n', 'p', 'o', 'w')       # names, punctuation, operators look like the text around them


def css_class(kind):
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    name = STANDARD_TYPES[kind]
    return '' if name in PLAIN else name


def pieces(view):
    """(css class, text, Link or None, its kind) for the code of a chunk, split where links begin and end."""
    last = None
    for piece in tokens(view):
        if last and piece[0] == last[0] and piece[2] is last[2] is None:
            last = (last[0], last[1] + piece[1], None, '')
            continue
        if last:
            yield last
        last = piece
    if last:
        yield last


def tokens(view):
    """The same, as Pygments and the links cut it.  The whole chunk is lexed at once,
    each reference replaced by a comment of the same length."""
    source, links, at = [], [], 0
    for number, line in enumerate(view.lines):
        for what, kind in line + ([('\n', 'text')] if number + 1 < len(view.lines) else []):
            text = what if isinstance(what, str) else what.text
            shown = text
            if isinstance(what, Link):
                if kind == 'reference':
                    text = f'⟨{what.text}⟩'
                    shown = '/*' + 'x' * (len(text) - 4) + '*/' if len(text) >= 4 else 'x' * len(text)
                links.append((at, at + len(text), text, what, kind))
            source.append(shown)
            at += len(text)
    source = ''.join(source)
    waiting = iter(links + [(at + 1, at + 1, '', None, '')])
    start, end, text, link, kind = next(waiting)
    for index, token, value in LEXERS[view.language].get_tokens_unprocessed(source):
        done = 0
        while done < len(value):
            here = index + done
            while here >= end:
                start, end, text, link, kind = next(waiting)
            if here < start:
                stop = min(len(value), done + start - here)
                yield css_class(token), value[done:stop], None, ''
            else:
                stop = min(len(value), done + end - here)
                if kind != 'reference':
                    yield css_class(token), value[done:stop], link, kind
                elif here == start:
                    yield 'nw-ref', text, link, kind
            done = stop


def highlighted(text, language='c'):
    """Code without links; a token that goes over several lines is closed in each."""
    out = []
    for _, token, value in LEXERS[language].get_tokens_unprocessed(text):
        css = css_class(token)
        out.append('\n'.join(f'<span class="{css}">{escape(line, False)}</span>' if css and line.strip()
                             else escape(line, False) for line in value.split('\n')))
    return ''.join(out)


class Writer:
    """Writes one chunk or list for one page."""

    def __init__(self, builder, doc):
        self.builder, self.doc_name = builder, doc

    def href(self, link):
        if link.doc == self.doc_name:
            return '#' + link.anchor
        return self.builder.get_relative_uri(self.doc_name, link.doc) + '#' + link.anchor

    def a(self, link, inner, classes='', title=''):
        """A link around ready HTML; only the HTML when there is nothing to link to."""
        if not link.doc:
            return inner
        title = title or link.title
        return (f'<a class="{classes}" href="{escape(self.href(link))}"'
                + (f' title="{escape(title)}"' if title else '') + f'>{inner}</a>')

    def number(self, link, classes='nw-num'):
        return self.a(link, link.number, classes, f'⟨{link.text}⟩')

    def numbers(self, links):
        return ', '.join(self.number(link) for link in links)

    def name(self, link):
        """⟨name 3.14⟩, all of it one link."""
        return self.a(link, f'⟨{escape(typeset(link.text))}&#160;<span class="nw-n">{link.number}</span>⟩', 'nw-name')

    def chunk(self, view, anchor=True):
        out = [f'<div class="nw-chunk{" nw-file" if view.is_file else ""}{" nw-empty" if view.empty else ""}"'
               + (f' id="{view.anchor}"' if anchor else '') + '>\n', self._head(view, anchor)]
        if view.empty:
            note = escape(view.empty)
            if view.filled:
                note = self.a(view.filled, note, 'nw-filled', f'⟨{view.filled.text}⟩ {view.filled.number}')
            out.append(f'<p class="nw-note">{note}</p>\n')
        else:
            code = self.code(view)
            out.append(f'<div class="highlight-{view.language} notranslate nw-code"><div class="highlight">'
                       f'<pre tabindex="0"><span></span>{code}\n</pre></div></div>\n')
        foot = self._foot(view)
        if foot:
            out.append(f'<p class="nw-foot">{foot}</p>\n')
        out.append('</div>\n')
        return ''.join(out)

    def _head(self, view, anchor):
        name = escape(view.name if view.is_file else typeset(view.name))
        path = name.replace('/', '/<wbr/>')
        shown = f'<span class="nw-path">{path}</span>' if view.is_file else f'<span class="nw-title">⟨{name}⟩</span>'
        link = '' if not anchor else (f'<a class="headerlink" href="#{view.anchor}" '
                                      f'title="Permalink to this chunk">¶</a>')
        return (f'<div class="nw-head"><span>{shown}&#160;<span class="nw-sign">{view.sign}</span></span>'
                f'<span class="nw-number">{view.number}</span>{link}</div>\n')

    def code(self, view):
        out = []
        for css, text, link, kind in pieces(view):
            shown = escape(typeset(text) if kind == 'reference' else text, False)
            if kind == 'reference':
                if not link.doc:
                    out.append(f'<span class="nw-ref nw-missing">{shown}</span>')
                    continue
                shown = f'{shown[:-1]} <span class="nw-n">{link.number}</span>⟩'
                out.append(self.a(link, shown, 'nw-ref'))
                continue
            if css and text.strip():
                shown = f'<span class="{css}">{shown}</span>'
            if link and link.doc:
                shown = self.a(link, shown, 'nw-use' if kind == 'use' else 'nw-def')
            out.append(shown)
        return ''.join(out)

    def _foot(self, view):
        said = []
        if view.continues:
            said.append('Continues ' + self.number(view.continues))
        if view.continued and not (view.empty and len(view.continued) == 1):
            said.append('Continued in ' + self.numbers(view.continued))
        if view.used_in:
            said.append('Used in ' + (self.name(view.used_in[0]) if len(view.used_in) == 1
                                      else self.numbers(view.used_in)))
        if view.defines:
            said.append('Defines ' + ', '.join(self.a(link, f'<code>{escape(link.text)}</code>', 'nw-defines')
                                               for link in view.defines))
        return '&#160;<span class="nw-dot">·</span> '.join(said)

    # ------------------------------------------------------------ the lists

    def chunk_list(self, files, others):
        out = []
        for title, items in (('Files', files), ('Chunks', others)):
            if not items:
                continue
            out.append(f'<p class="rubric">{title}</p>\n<ul class="nw-list">\n')
            for first, more, users, note in items:
                if title == 'Files':
                    shown = self.a(first, f'<code>{escape(first.text)}</code>', 'nw-entry')
                else:
                    shown = self.a(first, f'⟨{escape(typeset(first.text))}⟩', 'nw-entry nw-name')
                out.append(f'<li><span class="nw-what">{shown}</span> <span class="nw-where">'
                           + self.numbers([first] + more))
                if users:
                    out.append(' <span class="nw-by">used in ' + self.numbers(users) + '</span>')
                if note:
                    out.append(f' <span class="nw-by">{escape(note)}</span>')
                out.append('</span></li>\n')
            out.append('</ul>\n')
        return ''.join(out)

    def chapter_list(self, chapters, titles, said):
        out = ['<ol class="nw-chapters">\n']
        for doc, number, bad, programs in chapters:
            where = self.builder.get_relative_uri(self.doc_name, doc)
            out.append(f'<li value="{number}"><a href="{escape(where)}">{escape(titles[doc].astext())}</a>')
            if said.get(number):
                out.append(f' <span class="nw-say-it">{escape(said[number])}</span>')
            for title, links in (('fails first', bad), ('then', programs)):
                if links:
                    names = (link.text.split('/')[-1].rpartition('.')[0] for link in links)
                    out.append(f'<span class="nw-by">{title}: ' + ', '.join(
                        self.a(link, f'<code>{escape(name)}</code>') for link, name in zip(links, names)) + '</span>')
            out.append('</li>\n')
        out.append('</ol>\n')
        return ''.join(out)

    def identifier_list(self, entries):
        groups = {}
        for entry in entries:
            first = entry[0].split(' ')[-1] if entry[1] in ('struct', 'union', 'enum') else entry[0]
            letter = first.lstrip('_')[:1].upper()
            groups.setdefault(letter if letter.isalpha() else '0–9', []).append(entry)
        out = ['<p class="nw-letters">', ' '.join(f'<a href="#letter-{key}">{key}</a>' for key in groups), '</p>\n']
        for key, members in groups.items():
            out.append(f'<p class="rubric" id="letter-{key}">{key}</p>\n<ul class="nw-list nw-identifiers">\n')
            for title, kind, anchor, defined, declared, used, root in members:
                where = ([f'<b>{self.number(link)}</b>' for link in defined]
                         + [f'<i>{self.number(link)}</i>' for link in declared]
                         + [self.number(link) for link in used])
                shown = f'<code>{escape(title)}</code>'
                if kind == 'member':
                    name, _, scope = title.partition(' in ')
                    shown = f'<code>{escape(name)}</code> <span class="nw-kind">in struct {escape(scope)}</span>'
                elif kind not in ('struct', 'union', 'enum', ''):
                    shown += f' <span class="nw-kind">{kind}</span>'
                if root:
                    shown += f' <span class="nw-kind">in {escape(root)}</span>'
                out.append(f'<li id="{anchor}"><span class="nw-what">{shown}</span> '
                           f'<span class="nw-where">{", ".join(where)}</span></li>\n')
            out.append('</ul>\n')
        return ''.join(out)


def visit_chunk(self, node):
    writer = Writer(self.builder, self.builder.current_docname)
    self.body.append(writer.chunk(node['view'], anchor=node.get('anchor', True)))
    raise nodes.SkipNode


def visit_literal(self, node):
    self.__class__.visit_literal(self, node)
    self.context.append(len(self.body))


def depart_literal(self, node):
    """A short code stays whole; a long one is broken behind an underscore, a slash, a dot or a colon first."""
    start = self.context.pop()
    self.__class__.depart_literal(self, node)
    made = ''.join(self.body[start:])
    if len(node.astext()) < LONG:
        made = made.replace('class="', 'class="nw-whole ', 1)
    made = re.sub(r'(?<=>)[^<>]+(?=<)', lambda part: SEAM.sub('<wbr/>', part[0]), made)
    self.body[start:] = [made]


def visit_html(self, node):
    self.body.append(node['html'])
    raise nodes.SkipNode


def depart(_self, _node):
    """Nothing is left to write."""
