# Weaving: from chapters and pages to the book.

.PHONY: html serve pdf epub book dist

weaver := book/conf.py $(wildcard book/_ext/*.py book/_ext/*/*.py book/_ext/static/*) \
    $(addprefix book/press/,noweb.py c_names.py stage.py)
# The folders too: a page that goes away is a change.
pages := book/. chapters/. $(wildcard chapters/solutions/. chapters/solutions/*.nw) $(wildcard book/*.md book/*.txt book/_static/* book/_templates/* book/figures/*) \
    $(wildcard tests/conformance/scenarios tests/conformance/scenarios/* tests/conformance/scenarios/*/*.txt)

html: build/book/html.stamp ## the woven book: open build/book/html/index.html

# After a failure the next run starts afresh: Sphinx warns about a page only when it reads it.
build/book/html.stamp: $(chapters) $(pages) $(weaver) | $(after_setup)
	$(call say,WEAVE,build/book/html/index.html)
	@$(need) notangle ctags dot mscgen gnuplot module:sphinx module:myst_parser module:furo module:sphinx_copybutton
	@mkdir -p build/book
	@$(PYTHON) -m sphinx -W --keep-going -q -c book -d build/book/doctrees . build/book/html \
	    || { rm -rf build/book/doctrees; exit 1; }
	@touch $@

serve: build/book/html.stamp ## the woven book at http://localhost:8000/
	@cd build/book/html && $(PYTHON) -m http.server --bind 127.0.0.1 8000

# ---------------------------------------------------------------- on paper and for e-readers

# The date in both is that of the last commit, so that the same sources give the same bytes.
commit_date = $$(git log -1 --format=%ct 2>/dev/null || echo 0)
printed := build/book/warp-and-weft.pdf
e_book := build/book/warp-and-weft.epub
press := $(addprefix book/press/,make_pdf) $(wildcard book/print/*) book/version

pdf: $(printed) ## the printed book: build/book/warp-and-weft.pdf
epub: $(e_book) ## the book for e-readers: build/book/warp-and-weft.epub

# Each form has doctrees of its own: reading is short, and what one builder wants is not the other's business.
sphinx = $(PYTHON) -m sphinx -W --keep-going -q -c book -b $1 -d build/book/doctrees-$1

$(printed): $(chapters) $(pages) $(weaver) $(press) | $(after_setup)
	$(call say,WEAVE,build/book/latex)
	@$(need) notangle ctags dot mscgen gnuplot module:sphinx module:myst_parser module:furo module:sphinx_copybutton xelatex latexmk rsvg-convert
	@mkdir -p build/book
	@SOURCE_DATE_EPOCH=$(commit_date) $(call sphinx,latex) . build/book/latex || { rm -rf build/book/doctrees-latex; exit 1; }
	$(call say,TEX,$@)
	@SOURCE_DATE_EPOCH=$(commit_date) book/press/make_pdf build/book/latex warp-and-weft
	@cp build/book/latex/warp-and-weft.pdf $@

$(e_book): $(chapters) $(pages) $(weaver) $(press) | $(after_setup)
	$(call say,WEAVE,$@)
	@$(need) notangle ctags dot mscgen gnuplot module:sphinx module:myst_parser module:furo module:sphinx_copybutton rsvg-convert
	@rm -rf build/book/epub
	@SOURCE_DATE_EPOCH=$(commit_date) $(call sphinx,epub) . build/book/epub || { rm -rf build/book/doctrees-epub; exit 1; }
	@cp build/book/epub/warp-and-weft.epub $@

# Each form says when it begins, and the press after each pass.
book: build/book/html.stamp $(printed) $(e_book) ## the three forms: web pages, PDF, EPUB
	@ls -l $(printed) $(e_book) | awk '{ printf "  BOOK    %s, %.1f MB\n", $$NF, $$5 / 1e6 }'
	@echo '  BOOK    build/book/html/index.html'

dist: book ## release files in build/dist: source, web pages, PDF, EPUB, checksums
	@SOURCE_DATE_EPOCH=$(commit_date) book/press/make_dist build/dist
