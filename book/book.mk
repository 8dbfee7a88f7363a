# Weaving: from chapters and pages to the book.

.PHONY: html serve

weaver := book/conf.py $(wildcard book/_ext/*.py book/_ext/*/*.py book/_ext/static/*) \
    $(addprefix book/press/,noweb.py c_names.py stage.py)
# The folders too: a page that goes away is a change.
pages := book chapters $(wildcard book/*.md book/*.txt book/_static/* book/_templates/* book/figures/*) \
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
