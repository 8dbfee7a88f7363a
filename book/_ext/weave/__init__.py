"""The weaver: noweb's chapters as pages of Sphinx.

reading.py     a .nw file becomes a doctree: Markdown for MyST, marks where chunks stand
view.py        what is shown of a chunk, as plain data: numbers, anchors, links
html.py        how that looks in HTML
latex.py       how that looks in LaTeX; other builders get ordinary paragraphs and literal blocks
epub.py        what an e-book has of its own
pages.py       which files are pages, and at what address
scenarios.py   the heads of the conformance scenarios
web.py         what only the web has: maps, pages of files and trees, cards, archives
cards.py       the data behind cards and unfolding
exercises.py   hints, solutions, and the links between exercises and them
growth.py      which chapter brought which line
furo_files.py  mends the theme's files

Reading a page depends on its own file alone.  What it shows of others is looked up when it is
written, and a page whose view of the others has changed is written again (env-get-updated).
"""
import glob
import hashlib
import os
import re
import sys

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.errors import ExtensionError
from sphinx.domains import Domain, ObjType
from sphinx.util import logging
from sphinx.util.nodes import make_refnode
from sphinx.util.docutils import SphinxDirective, SphinxRole

HERE = os.path.dirname(os.path.abspath(__file__))
PRESS = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'press')
sys.path.insert(0, PRESS)

import noweb  # noqa: E402

from . import epub, exercises, furo_files, html, latex, pages, scenarios, web  # noqa: E402
from .elements import nw_chunk, nw_fold, nw_hint, nw_html, nw_list, nw_quote, nw_scenario  # noqa: E402
from .reading import Parser  # noqa: E402
from .view import Link, View, slug, typeset  # noqa: E402

log = logging.getLogger(__name__)
SCENARIOS = 'tests/conformance/scenarios'


# ---------------------------------------------------------------- directives and roles

class ListHere(SphinxDirective):
    """{chunklist}, {identifierlist}, {chapterlist}, {scenarios}, {differences}: the list stands here."""
    kind = ''

    def run(self):
        return [nw_list(kind=self.kind)]


class ChaptersHere(ListHere):
    """{chapterlist}: the chapters, each with a sentence about it where the block has a line `N: sentence`."""
    kind = 'chapters'
    has_content = True

    def run(self):
        said = {}
        for line in self.content:
            number, colon, sentence = line.partition(':')
            if not colon or not number.strip().isdigit():
                raise self.error(f'chapterlist: not "N: sentence": {line}')
            said[int(number)] = sentence.strip()
        [node] = super().run()
        node['said'] = said
        self.set_source_info(node)
        return [node]


class ShowChunk(SphinxDirective):
    """{chunk} name: the first part of that chunk once more, as an example."""
    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        node = nw_chunk(name=self.arguments[0], anchor=False)
        self.set_source_info(node)
        return [node]


class Aside(SphinxDirective):
    """{aside}: a joke or a piece of history beside the argument; a title may follow."""
    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = {'class': directives.class_option}

    def run(self):
        self.assert_has_content()
        node = nodes.admonition(classes=['aside'] + self.options.get('class', []))
        self.set_source_info(node)
        if self.arguments:
            inline, messages = self.state.inline_text(self.arguments[0], self.lineno)
            node += nodes.title(self.arguments[0], '', *inline)
            node += messages
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


class Terms(SphinxDirective):
    """{terms}: a definition list whose terms can be linked to, with {term} or from outside."""
    has_content = True

    def run(self):
        self.assert_has_content()
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder)
        domain = self.env.get_domain('std')
        for term in holder.findall(nodes.term):
            name = term.astext()
            anchor = 'term-' + slug(name)
            term['ids'].append(anchor)
            domain.note_object('term', name.lower(), anchor, location=term)
        for found in holder.findall(nodes.definition_list):
            found['classes'] = ['glossary']
        return holder.children


class ScenarioRole(SphinxRole):
    def run(self):
        node = nw_scenario(self.text, scenario=self.text.strip())
        self.set_source_info(node)
        return [node], []


class TestRole(SphinxRole):
    def run(self):
        return [nodes.literal(self.text, self.text, classes=['nw-test'])], []


# ---------------------------------------------------------------- search

class NowebDomain(Domain):
    """Puts identifiers and chunk names before other words in what a search finds."""
    name = 'nw'
    label = 'noweb'
    object_types = {name: ObjType(name) for name in (
        'function', 'struct', 'union', 'enum', 'macro', 'typedef', 'variable', 'name', 'chunk', 'file')}

    def get_type_name(self, type, primary=False):   # pylint: disable=redefined-builtin
        return type.lname

    def get_objects(self):
        view = getattr(self.env.app, 'noweb_view', None)
        if view is None:
            return
        for made in view.indexed():
            if made.kind not in ('member', 'enumerator'):
                target = view.target(made)
                kind = 'name' if made.kind == 'declared' else made.kind
                yield made.name, made.title, kind, target.doc, target.anchor, 0
        for name, parts in view.book.names.items():
            link = view.link(parts[0])
            kind = 'file' if view.is_file(name) else 'chunk'
            yield name, f'⟨{name}⟩' if kind == 'chunk' else name, kind, link.doc, link.anchor, 0

    def merge_domaindata(self, docnames, otherdata):
        """Nothing is kept here."""

    def resolve_xref(self, env, fromdocname, builder, typ, target, node, contnode):
        """Only exercises are referred to in this way; their anchors are given in exercises.mark."""
        return make_refnode(builder, fromdocname, node['page'], f'{typ}-{target}', contnode)

    def resolve_any_xref(self, env, fromdocname, builder, target, node, contnode):
        return []


# ---------------------------------------------------------------- the life of a build

def facts_of(env):
    """docname -> what its reading noted; kept between builds."""
    if not hasattr(env, 'weave_facts'):
        env.weave_facts, env.weave_shown, env.weave_source = {}, {}, ''
    return env.weave_facts


def source_digest():
    """Of this extension and what it is made with: a change means that every page is read again."""
    made = hashlib.sha256()
    for folder in (HERE, os.path.dirname(HERE), PRESS):
        for path in sorted(glob.glob(os.path.join(folder, '*.py'))):
            with open(path, 'rb') as source:
                made.update(source.read())
    return made.hexdigest()


def look_outside(app, env, _added, _changed, _removed):
    """Before anything is read: ask noweb about all the chapters."""
    facts_of(env)
    files = sorted(env.doc2path(doc, base=False) for doc in env.found_docs if env.doc2path(doc, False).endswith('.nw'))
    try:
        app.noweb_book = noweb.read(files, cwd=app.srcdir)
    except noweb.NowebError as why:
        raise ExtensionError(f'noweb: {why}') from None
    folder = os.path.join(app.srcdir, SCENARIOS)
    app.noweb_view = View(app.noweb_book, scenarios.read(folder))
    for name, parts in app.noweb_book.names.items():
        if app.noweb_view.is_file(name) and len(parts) > 1:
            log.warning('the file %s is continued here; a file grows by chunks inside it', name,
                        location=f'{parts[1].file}:{parts[1].line}')
    source, env.weave_source = env.weave_source, source_digest()
    return list(env.found_docs) if source != env.weave_source else []


def note_facts(app, doctree):
    """After a page is read: note what it will show of others."""
    env = app.env
    facts_of(env)[env.docname] = {
        'quotes': [(n['code'], n['file']) for n in doctree.findall(nw_quote)],
        'scenarios': [n['scenario'] for n in doctree.findall(nw_scenario)],
        'chunks': [n['name'] for n in doctree.findall(nw_chunk) if 'name' in n],
        'exercises': exercises.mark(env.docname, doctree),
        'lists': sorted({n['kind'] for n in doctree.findall(nw_list)}),
    }


def forget(_app, env, docname):
    facts_of(env).pop(docname, None)


def merge(_app, env, docnames, other):
    for doc in docnames:
        if doc in other.weave_facts:
            facts_of(env)[doc] = other.weave_facts[doc]


def find_lists(app, env):
    """Where the lists stand, for links to them."""
    view = app.noweb_view
    for doc, facts in sorted(facts_of(env).items()):
        for kind in facts['lists']:
            if kind == 'identifiers':
                view.identifier_page = doc
            elif kind == 'chunks':
                view.chunk_page = doc
            elif kind == 'scenarios':
                view.scenario_page = doc


def structure(env):
    """What every page shows, or may refer to: the order of pages, titles, numbers of sections and figures."""
    standard = env.get_domain('std')
    shown = [sorted(env.toctree_includes.items()), sorted((d, t.astext()) for d, t in env.titles.items()),
             sorted((label, target[0], target[1], str(target[2])) for label, target in standard.labels.items()),
             sorted((d, sorted(n.items())) for d, n in env.toc_secnumbers.items()),
             sorted((d, sorted((k, sorted(v.items())) for k, v in n.items())) for d, n in env.toc_fignumbers.items()),
             sorted((key, target[0], target[1]) for key, target in standard.objects.items()),
             sorted(exercises.places(facts_of(env)).items())]
    return hashlib.sha256(repr(shown).encode()).hexdigest()


def static_files(app):
    """Style sheets and the like: Sphinx copies them only when it writes at least one page."""
    made = hashlib.sha256()
    for where in app.config.html_static_path:
        for path in sorted(glob.glob(os.path.join(app.confdir, where, '**'), recursive=True)):
            if os.path.isfile(path):
                with open(path, 'rb') as file:
                    made.update(path.encode() + file.read())
    return made.hexdigest()


def changed_views(app, env):
    """Pages to be written again because what they show of others has changed."""
    find_lists(app, env)
    everywhere = structure(env)
    grown = web.web_of(app)
    new = {doc: everywhere + app.noweb_view.digest(doc, facts) + grown.digest(doc)
           for doc, facts in facts_of(env).items()}
    new[app.config.root_doc] += static_files(app)
    old = env.weave_shown.get(app.builder.name, {})
    env.weave_shown[app.builder.name] = new
    return [doc for doc in new if old.get(doc) != new[doc]]


# ---------------------------------------------------------------- writing

def sentence(text, stop=''):
    """What a scenario says of itself, as it is printed: names in it are code."""
    text = text.strip()
    if stop and text[:1].islower() and not re.match(r'(asyncio|[\w.]*[_(])', text):
        text = text[:1].upper() + text[1:]
    if stop and text[-1:] not in '.!?':
        text += stop
    return [nodes.literal('', part) if number % 2 else nodes.Text(typeset(part))
            for number, part in enumerate(re.split(r'(\b\w+(?:\.\w+)*\(\)|\b[a-z]+_\w+)', text)) if part]


WRITERS = {'latex': latex.Writer, 'epub': epub.Writer}


class Page:
    """Fills in the nodes of one page."""

    def __init__(self, app, doctree, docname):
        self.app, self.view, self.doctree, self.docname = app, app.noweb_view, doctree, docname
        self.writer = WRITERS.get(app.builder.name, html.Writer)(app.builder, docname)
        self.has_writer = app.builder.format in ('html', 'latex')

    def fill(self):
        for node in list(self.doctree.findall(nw_chunk)):
            self.chunk(node)
        for node in list(self.doctree.findall(nw_quote)):
            self.quote(node)
        for node in list(self.doctree.findall(nw_scenario)):
            self.scenario(node)
        for node in list(self.doctree.findall(nw_list)):
            getattr(self, node['kind'] + '_list')(node)

    def warn(self, message, node, *args):
        log.warning(message, *args, location=node)

    def reference(self, link, inner, classes=()):
        if not link.doc:
            return inner
        node = nodes.reference('', '', inner, internal=True, refuri=self.writer.href(link), classes=list(classes))
        if link.title:
            node['reftitle'] = link.title
        return node

    def chunk(self, node):
        book = self.view.book
        if 'name' in node:
            parts = book.parts(node['name'])
            if not parts:
                self.warn('no chunk is named <<%s>>', node, node['name'])
                node.parent.remove(node)
                return
            chunk = parts[0]
        else:
            chunk = book.files[node['file']].chunks[node['ordinal'] - 1]
            for number, piece in chunk.references:
                if piece.text not in book.names:
                    log.warning('no chunk is named <<%s>>', piece.text, location=f'{chunk.file}:{number}')
        view = self.view.chunk(chunk)
        text = '\n'.join(''.join(w if isinstance(w, str) else f'⟨{w.text}⟩' if k == 'reference' else w.text
                                 for w, k in line) for line in view.lines) or view.empty
        if self.has_writer:
            node['view'] = view
            node += nodes.Text(f'{view.name}\n{text}')      # for the search; not written
            return
        head = nodes.paragraph('', '', nodes.emphasis('', f'⟨{view.name} {view.number}⟩{view.sign}'))
        node.replace_self([head, nodes.literal_block(text, text, language=view.language, force=True)])

    def quote(self, node):
        made = self.view.quote(node['code'], node['file'])
        out = []
        plain = nodes.literal('', '', classes=['nw-quote'])
        for part in made:
            is_chunk = isinstance(part, Link) and f'\ue002{part.text}\ue003' in node['code'] and not part.title
            if is_chunk:
                if not part.doc:
                    self.warn('no chunk is named <<%s>>', node, part.text)
                inner = nodes.inline('', f'⟨{typeset(part.text)}', classes=['nw-name'])
                if part.number:
                    inner += [nodes.Text('\u00a0'), nodes.inline('', part.number, classes=['nw-n'])]
                inner += nodes.Text('⟩')
                if len(plain):
                    out.append(plain)
                    plain = nodes.literal('', '', classes=['nw-quote'])
                out.append(self.reference(part, inner, ['nw-name-link']))
            elif isinstance(part, Link):
                plain += self.reference(part, nodes.inline('', part.text), ['nw-use'])
            else:
                plain += nodes.Text(part)
        if len(plain):
            out.append(plain)
        node.replace_self(out)

    def scenario(self, node):
        known = self.view.scenarios.get(node['scenario'])
        if known is None:
            self.warn('no scenario is named %s', node, node['scenario'])
        link = Link(node['scenario'], self.view.scenario_page if known else '',
                    known.anchor if known else '', known.title if known else '')
        node.replace_self(self.reference(link, nodes.literal('', node['scenario']), ['nw-scenario']))

    # ------------------------------------------------------------ the lists

    def html_or_text(self, node, written, rows):
        """rows: what other builders print, and the search reads."""
        if self.has_writer:
            node.replace_self(nw_html(html=written))
        else:
            node.replace_self(nodes.bullet_list('', *[
                nodes.list_item('', nodes.paragraph('', row)) for row in rows]))

    def chunks_list(self, node):
        files, others = self.view.chunk_list()
        rows = [f'{first.text}: ' + ', '.join(x.number for x in [first] + more) for first, more, _, _ in files + others]
        self.html_or_text(node, self.writer.chunk_list(files, others), rows)

    def chapters_list(self, node):
        chapters, titles = self.view.chapter_list(), self.app.env.titles
        said = node['said']
        for number in sorted(set(said) - {number for _, number, *_ in chapters}):
            self.warn('there is no chapter %s', node, number)
        whole = web.whole_library(self.app, self.docname)
        self.html_or_text(node, whole + self.writer.chapter_list(chapters, titles, said),
                          [titles[doc].astext() for doc, *_ in chapters])

    def identifiers_list(self, node):
        entries = self.view.identifier_list()
        rows = [f'{e[0]}: ' + ', '.join(x.number for x in e[3] + e[4] + e[5]) for e in entries]
        self.html_or_text(node, self.writer.identifier_list(entries), rows)

    def scenarios_list(self, node):
        items = {}
        for known in self.view.scenarios.values():
            body = nodes.paragraph('', '', *sentence(known.title))
            others = [row for row in re.split(r'[\s,]+', known.stands_for) if row not in ('', known.id)]
            if others:
                body += [nodes.Text(' '), nodes.inline('', ', '.join(others), classes=['nw-by'])]
            items.setdefault(known.group, []).append(nodes.definition_list_item(
                '', nodes.term('', '', nodes.literal('', known.id), ids=[known.anchor]),
                nodes.definition('', body)))
        out = []
        for group, members in items.items():
            if group:
                out.append(nodes.rubric('', scenarios.GROUPS.get(group, group.capitalize())))
            out.append(nodes.definition_list('', *members, classes=['nw-scenarios', 'nw-short']))
        node.replace_self(out or [nodes.paragraph('', 'No scenario has been written yet.')])

    def differences_list(self, node):
        items = []
        for known in self.view.scenarios.values():
            if not known.differs:
                continue
            link = Link(known.id, self.view.scenario_page, known.anchor, known.title)
            body = nodes.definition('', nodes.paragraph('', '', *sentence(known.differs, stop='.')))
            if known.asyncio or known.ours:
                body += nodes.container('', *[
                    nodes.container('', nodes.paragraph('', who), nodes.literal_block(text, text, language='text'))
                    for who, text in (('asyncio', known.asyncio), ('ours', known.ours))], classes=['nw-two'])
            items.append(nodes.definition_list_item(
                '', nodes.term('', '', self.reference(link, nodes.literal('', known.id)),
                               nodes.Text(' '), *sentence(known.title)), body))
        node.replace_self(nodes.definition_list('', *items, classes=['nw-scenarios']) if items
                          else nodes.paragraph('', 'No scenario differs from asyncio.'))


APART = re.compile(r'(?<=\d) (?=(?:bytes?|[KMG]iB|[kKMG]B|[mµn]?s|%|seconds?|milliseconds?|Mbit/s)(?!\w))|'
                   r'(?:(?<=hapter)|(?<=hapters)|(?<=igure)|(?<=olution)|(?<=xercise)|(?<=able)|(?<=ppendix)|(?<=age)|'
                   r'(?<=RFC)|(?<=port)) '
                   r'(?=\d|[A-D]\b)')

CODE = (nodes.literal, nodes.FixedTextElement, nodes.raw, nw_chunk)


def join_numbers(doctree):
    """A number is not parted from its unit, nor a chapter from its number."""
    for text in list(doctree.findall(nodes.Text)):
        if APART.search(text) and not isinstance(text.parent, CODE):
            text.parent.replace(text, nodes.Text(APART.sub('\u00a0', text)))


def fill_page(app, doctree, docname):
    web.decorate(app, doctree, docname)
    exercises.link(doctree, exercises.places(facts_of(app.env)), html.Writer(app.builder, docname))
    Page(app, doctree, docname).fill()
    join_numbers(doctree)
    if app.builder.name == 'latex':
        latex.mark_parts(app, doctree)


def collect_pages(app):
    return web.collected_pages(app, structure(app.env) + source_digest() + static_files(app))


def setup(app):
    app.add_source_suffix('.nw', 'noweb')
    app.add_source_parser(Parser)
    app.add_domain(NowebDomain)
    app.add_node(nw_chunk, html=(html.visit_chunk, html.depart), epub=(epub.visit_chunk, html.depart))
    app.add_node(nw_html, html=(html.visit_html, html.depart), epub=(html.visit_html, html.depart))
    app.add_node(nodes.literal, override=True, html=(html.visit_literal, html.depart_literal),
                 epub=(html.visit_literal, html.depart_literal))
    app.add_node(nw_hint, **exercises.HINT_VISITORS)
    app.add_node(nw_fold, **exercises.FOLD_VISITORS)
    app.add_builder(epub.Builder, override=True)
    app.set_translator('latex', latex.Translator)
    for name, kind in (('chunklist', 'chunks'), ('identifierlist', 'identifiers'), ('scenarios', 'scenarios'),
                       ('differences', 'differences')):
        app.add_directive(name, type(kind.title() + 'Here', (ListHere,), {'kind': kind}))
    app.add_directive('chapterlist', ChaptersHere)
    app.add_directive('terms', Terms)
    app.add_directive('chunk', ShowChunk)
    app.add_directive('aside', Aside)
    app.add_directive('hint', exercises.Hint, override=True)
    app.add_directive('solutions', exercises.Solutions)
    app.add_directive('exercisetable', exercises.ExerciseTable)
    app.add_role('scenario', ScenarioRole())
    app.add_role('test', TestRole())
    app.add_config_value('weave_library', [], 'env')
    app.connect('builder-inited', pages.install)
    app.connect('builder-inited', furo_files.mend_pages)
    app.connect('env-get-outdated', look_outside)
    app.connect('doctree-read', note_facts)
    app.connect('env-purge-doc', forget)
    app.connect('env-merge-info', merge)
    app.connect('env-get-updated', changed_views, priority=900)
    app.connect('doctree-resolved', fill_page)
    app.connect('html-collect-pages', collect_pages)
    app.connect('build-finished', furo_files.mend)
    app.connect('build-finished', web.write_files)
    return {'version': '1', 'env_version': 1, 'parallel_read_safe': True, 'parallel_write_safe': True}
