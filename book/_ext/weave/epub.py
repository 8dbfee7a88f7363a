"""The book for e-readers: Sphinx's EPUB 3 with a style sheet and a cover of its own, without scripts.

What the web pages have for a browser (themes, scripts, search, templates) stays out.  Bytes depend on the
chapters alone: the archive's times are SOURCE_DATE_EPOCH's, so that the same sources give the same file.
"""
import os
import shutil
import subprocess
import time
from dataclasses import replace
from html import escape
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from docutils import nodes
from sphinx.builders.epub3 import Epub3Builder
from sphinx.errors import ExtensionError

from . import html

COVER = '_static/cover.png'
STYLED = ('nw-ref', 'nw-name', 'nw-def')       # the links of which print/epub.css speaks


def date():
    return time.gmtime(int(os.environ.get('SOURCE_DATE_EPOCH') or time.time()))


class Writer(html.Writer):
    """As on the web, without what only a browser can use, for a file that is too large is slow in a small reader."""

    def a(self, link, inner, classes='', title=''):
        href = f' href="{escape(self.href(link))}"'
        css = f' class="{classes}"' if classes in STYLED else ''
        return f'<a{css}{href}>{inner}</a>' if link.doc else inner

    def _head(self, view, anchor):
        """The number first: beside a name that fills its line it floats on that line, not on the next one."""
        number = f'<span class="nw-number">{view.number}</span>'
        head = super()._head(view, False).replace(number, '')
        return head.replace('<div class="nw-head">', f'<div class="nw-head">{number} ', 1)

    def chunk(self, view, anchor=True):
        return super().chunk(view, anchor).replace(' tabindex="0"', '')

    def identifier_list(self, entries):
        """Of the chunks that use a name, the first of each chapter is a link: all would be a file of megabytes."""
        return super().identifier_list([(*entry[:5], self._first_of_each(entry[5]), *entry[6:]) for entry in entries])

    @staticmethod
    def _first_of_each(links):
        seen, found = set(), []
        for link in links:
            found.append(replace(link, doc='') if link.doc in seen else link)
            seen.add(link.doc)
        return found


class Builder(Epub3Builder):
    """make epub"""

    def init(self):
        self.config.templates_path = []
        super().init()

    def init_css_files(self):
        self.css_files = []
        self.add_css_file('epub.css')

    def init_js_files(self):
        self.script_files = []

    def copy_static_files(self):
        here, static = os.path.join(self.confdir, 'print'), os.path.join(self.outdir, '_static')
        os.makedirs(static, exist_ok=True)
        shutil.copyfile(os.path.join(here, 'epub.css'), os.path.join(static, 'epub.css'))
        try:
            subprocess.run(['rsvg-convert', '--width=1200', f'--output={os.path.join(self.outdir, COVER)}',
                            os.path.join(here, 'cover.svg')], check=True, capture_output=True)
        except FileNotFoundError:
            raise ExtensionError('rsvg-convert is not installed (Debian package librsvg2-bin)') from None
        except subprocess.CalledProcessError as error:
            raise ExtensionError(f'rsvg-convert: {error.stderr.decode(errors="replace").strip()}') from None

    def content_metadata(self):
        metadata = super().content_metadata()
        metadata['date'] = time.strftime('%Y-%m-%dT%H:%M:%SZ', date())
        return metadata

    def toc_metadata(self, level, navpoints):
        return dict(super().toc_metadata(level, navpoints), uid=self.config.epub_identifier)

    def build_epub(self):
        """As Sphinx does it, with times that do not depend on the day."""
        first = ['mimetype', 'META-INF/container.xml', 'content.opf', 'toc.ncx']
        with ZipFile(os.path.join(self.outdir, self.config.epub_basename + '.epub'), 'w') as archive:
            for name in first + [name for name in self.files if name not in first]:
                item = ZipInfo(name, date()[:6])
                item.external_attr = 0o644 << 16
                with open(os.path.join(self.outdir, name), 'rb') as file:
                    archive.writestr(item, file.read(), ZIP_STORED if name == 'mimetype' else ZIP_DEFLATED)


def visit_chunk(self, node):
    writer = Writer(self.builder, self.builder.current_docname)
    self.body.append(writer.chunk(node['view'], anchor=node.get('anchor', True)))
    raise nodes.SkipNode
