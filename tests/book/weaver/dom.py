"""A page of HTML as a small tree, to be asked questions."""
from html.parser import HTMLParser

VOID = {'area', 'base', 'br', 'col', 'embed', 'hr', 'img', 'input', 'link', 'meta', 'source', 'track', 'wbr'}


class Element:
    def __init__(self, tag, attributes):
        self.tag, self.attributes, self.children = tag, dict(attributes), []

    @property
    def classes(self):
        return (self.attributes.get('class') or '').split()

    @property
    def text(self):
        return ''.join(c if isinstance(c, str) else c.text for c in self.children)

    @property
    def href(self):
        return self.attributes.get('href')

    def all(self, tag='', css='', **attributes):
        """Every element below this one, in order, that fits."""
        out = []
        for child in self.children:
            if isinstance(child, str):
                continue
            if (not tag or child.tag == tag) and (not css or css in child.classes) and all(
                    child.attributes.get(name) == value for name, value in attributes.items()):
                out.append(child)
            out += child.all(tag, css, **attributes)
        return out

    def one(self, tag='', css='', **attributes):
        found = self.all(tag, css, **attributes)
        if len(found) != 1:
            raise AssertionError(f'{len(found)} elements fit {tag} {css} {attributes}')
        return found[0]

    def links(self, css=''):
        """text -> href."""
        return {' '.join(a.text.split()): a.href for a in self.all('a', css)}


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.top = Element('', {})
        self.open = [self.top]

    def handle_starttag(self, tag, attrs):
        made = Element(tag, attrs)
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag):
        for depth in range(len(self.open) - 1, 0, -1):
            if self.open[depth].tag == tag:
                del self.open[depth:]
                return

    def handle_data(self, data):
        self.open[-1].children.append(data)


def parse(text):
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.top
