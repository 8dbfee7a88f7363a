# make check-book: the book as readers hold it. Each suite looks at forms that `make book` has built.

book_suites := book-files browser

# Playwright and axe, for the browser, go into build/: they are pinned by tests/book/browser/package-lock.json.
browser_modules := build/browser/node_modules
$(eval $(call suite,browser,build/book/html.stamp browser-modules,NODE_PATH=$(browser_modules),--live --limit 900,tests/book/browser/run.js,node chromium))

# The PDF, the EPUB, release files, and the spelling of all pages.
$(eval $(call suite,book-files,$(printed) $(e_book) build/book/html.stamp,,--live --limit 600,tests/book/files/run,pdftotext epubcheck codespell words:british-english))

.PHONY: browser-modules check-book
browser-modules: | $(after_setup)
	@test -d $(browser_modules)/axe-core -a -d $(browser_modules)/playwright-core \
	    || { echo "axe-core and playwright-core are missing: 'make setup-book' installs them (npm)" >&2; exit 1; }

check-book: $(call suites,$(book_suites)) ## the woven book in a browser; its files
	@tests/tools/tally $(book_suites)
