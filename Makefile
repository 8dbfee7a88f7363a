# Warp & Weft: every task of the book, its library and its tests.  `make help` lists them.
#
# The chapters (chapters/NN-*.nw) are the source of everything.  Which files they tangle to is read
# from them by make itself, so nothing here changes when a chapter is added, and nothing is looked
# up before set-up has run.  The rules stand beside what they build:
#
#   book/press/setup.mk    what has to be installed
#   chapters/chapters.mk   tangling; the library and the programs, of the whole book and of each chapter
#   book/book.mk           weaving
#   tests/tests.mk         tests, memory checks, lint
#   tests/exercises/exercises.mk   starting, trying and grading exercises; what students and teachers get
#   tests/book/book.mk     tests of the woven book
#   tests/bench/bench.mk   speed, as ratios to peers
#   tests/fuzz/fuzz.mk     fuzzing

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

SHELL := /bin/sh
PYTHON := /usr/bin/python3
ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif

# V=1 shows the commands.
say = @$(if $(V),,printf '  %-8s%s\n' '$1' '$2';)

# With `make setup demo`, everything else waits for set-up.
after_setup := $(filter setup setup-dev setup-book,$(MAKECMDGOALS))

# `make check` looks whether code/ is fresh before make rewrites it.
fresh_first := $(if $(filter check,$(MAKECMDGOALS)),suite-code-is-fresh)

# Names the package of what is missing and stops.
need := book/press/need

include book/press/setup.mk
include chapters/chapters.mk
include book/book.mk
include tests/tests.mk
include tests/book/book.mk
include tests/exercises/exercises.mk
include tests/bench/bench.mk
include tests/fuzz/fuzz.mk

.PHONY: help clean FORCE

help: ## this list
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-zA-Z][-a-zA-Z]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) \
	    | awk -F'|' '{ printf "%-22s%s\n", $$1, $$2 }'
	@echo 'With a chapter: ch03 (chapters 1 to 3, in build/ch03), check-ch03, memcheck-ch03.'
	@echo 'V=1 shows the commands; -j2 builds two things at a time.'

clean: ## remove build/
	rm -rf build
