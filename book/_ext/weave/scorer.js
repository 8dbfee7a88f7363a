// How search results are ordered: what is called exactly as the reader typed comes first, then what begins so.
var Scorer = {
    score: ([docname, title, anchor, descr, score, filename]) => {
        const plain = (text) => text.toLowerCase().replace(/[⟨⟩]/g, "").trim();
        const wanted = plain(new URLSearchParams(window.location.search).get("q") || "");
        const found = plain(title);
        return score + (found === wanted ? 100 : wanted && found.startsWith(wanted) ? 20 : 0);
    },
    objNameMatch: 11,
    objPartialMatch: 6,
    objPrio: { 0: 15, 1: 5, 2: -5 },
    objPrioDefault: 0,
    title: 15,
    partialTitle: 7,
    term: 5,
    partialTerm: 2,
};
