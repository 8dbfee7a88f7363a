"""The document's own nodes.  What they show is filled in when a page is written."""
from docutils import nodes


class nw_chunk(nodes.General, nodes.Element):
    """A chunk: file and ordinal say which; `view` is set when the page is written."""


class nw_quote(nodes.Inline, nodes.TextElement):
    """[[code]] in prose."""


class nw_list(nodes.General, nodes.Element):
    """Where a list goes: kind is chunks, identifiers, chapters, scenarios or differences."""


class nw_scenario(nodes.Inline, nodes.TextElement):
    """A {scenario} citation."""


class nw_html(nodes.General, nodes.Element):
    """A list ready to be written: its `html`; the text for the search is in its children."""


class nw_fold(nodes.General, nodes.Element):
    """The solution of an exercise: folded on a page, an ordinary part of the text elsewhere."""


class nw_hint(nodes.General, nodes.Element):
    """A {hint}: folded on a page, in small print where nothing can be folded."""
