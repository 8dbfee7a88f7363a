"""Docnames are not paths: the front page is book/index.md but stands at index.html."""
import glob
import os

from sphinx.project import Project


class BookProject(Project):
    """Pages of book/ lose that prefix, chapters and solutions keep theirs; nothing else of the tree is a page."""

    def discover(self, exclude_paths=(), include_paths=('**',)):
        self.docnames = set()
        for pattern in ('book/*.md', 'chapters/*.nw', 'chapters/solutions/*.nw'):
            for path in glob.glob(os.path.join(glob.escape(self.srcdir), pattern)):
                self.docnames.add(self.path2doc(path))
        return self.docnames

    def path2doc(self, filename):
        if os.path.isabs(filename):
            filename = os.path.relpath(filename, self.srcdir)
        name, suffix = os.path.splitext(filename.replace(os.sep, '/'))
        folder, _, base = name.rpartition('/')
        if suffix == '.md' and folder == 'book':
            return base
        if suffix == '.nw' and folder in ('chapters', 'chapters/solutions'):
            return name
        return None

    def doc2path(self, docname, basedir=True):
        path = docname + '.nw' if docname.startswith('chapters/') else f'book/{docname}.md'
        return os.path.join(self.srcdir, path) if basedir else path


def install(app):
    project = BookProject(app.srcdir, app.config.source_suffix)
    project.docnames = app.project.docnames
    app.project = app.env.project = project
