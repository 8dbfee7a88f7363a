# Set-up: the only targets that install anything.

.PHONY: setup setup-dev setup-book

setup: ## install what a reader and builder needs (Debian, Ubuntu; elsewhere names the packages)
	@book/press/setup reader

setup-dev: $(filter setup,$(after_setup)) ## install what working on the book needs too
	@book/press/setup reader dev

setup-book: $(filter setup setup-dev,$(after_setup)) ## install what PDF, EPUB and browser tests need too
	@book/press/setup reader book
	@book/press/browser_modules build/browser
