"""The first mention of a glossary term in a chapter shows its definition."""

import re
from html import escape

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

GLOSSARY = "chapters/glossary"
PROSE = (nodes.paragraph,)
NOT_HERE = (
    nodes.reference,
    nodes.caption,
    nodes.title,
    nodes.admonition,
    nodes.literal,
    nodes.table,
    addnodes.pending_xref,
    addnodes.desc,
)


def definitions(app: Sphinx) -> dict[str, tuple[str, str]]:
    """Definition and anchor of each term, the longest terms first."""
    found = {}
    for item in app.env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        term = next(item.findall(nodes.term))
        text = next(item.findall(nodes.definition)).astext()
        found[term.astext()] = text, term["ids"][0]
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def pattern(term: str) -> re.Pattern[str]:
    """The term as a word, in singular or plural, at the beginning of a sentence or in it."""
    first = f"[{term[0].upper()}{term[0]}]" if term[0].islower() else re.escape(term[0])
    rest = re.escape(term[1:]).replace(r"\ ", r"\s+").replace(r"\-", "[-‑]")
    return re.compile(rf"(?<![\w-]){first}{rest}s?(?![\w-])")


def mark_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Turn first mentions into links that carry their definition."""
    known = GLOSSARY in app.env.found_docs
    if app.builder.format != "html" or not known or not docname.startswith("chapters/"):
        return
    if GLOSSARY not in app.env.found_docs or app.env.doc2path(docname).endswith(".md"):
        return
    waiting = {term: (pattern(term), *rest) for term, rest in definitions(app).items()}
    page = app.builder.get_relative_uri(docname, GLOSSARY)
    for text in list(doctree.findall(nodes.Text)):
        parents = []
        node = text.parent
        while node is not None:
            parents.append(node)
            node = node.parent
        if not any(isinstance(p, PROSE) for p in parents):
            continue
        if any(isinstance(p, NOT_HERE) or "admonition" in str(p.get("classes")) for p in parents):
            continue
        hits = []
        for term, (regex, definition, anchor) in list(waiting.items()):
            hit = regex.search(text)
            if hit and not any(hit.start() < end and start < hit.end() for start, end, _ in hits):
                link = (
                    f'<a class="term" href="{page}#{anchor}" '
                    f'data-definition="{escape(definition)}">{escape(hit[0])}</a>'
                )
                hits.append((*hit.span(), link))
                del waiting[term]
        if hits:
            pieces, at = [], 0
            for start, end, link in sorted(hits):
                pieces += [nodes.Text(text[at:start]), nodes.raw("", link, format="html")]
                at = end
            text.parent.replace(text, [*pieces, nodes.Text(text[at:])])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", mark_terms)
    app.add_css_file("glossary.css")
    app.add_js_file("glossary.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
