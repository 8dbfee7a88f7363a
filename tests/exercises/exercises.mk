# Exercises: what a student starts from, tries and has graded; the proofs that the graders work.
#
# tests/exercises/README.md says what an exercise is made of, tests/exercises/tool does the work.

EX ?=
exercises := $(patsubst tests/exercises/%/exercise.txt,%,$(wildcard tests/exercises/*.*/exercise.txt))
chosen_exercises := $(if $(EX),$(EX),$(exercises))

support_of_graders := $(wildcard tests/exercises/support/*.c) tests/support/kernel.c
c_of_exercises := $(wildcard tests/exercises/support/*.c tests/exercises/*.*/grader.c)
h_of_exercises := $(wildcard tests/exercises/support/*.h)
lint_exercises = $(call lint_c,$1,$(wildcard tests/exercises/support/*.c),$(lint_folders) -Itests/exercises/support); \
    $(foreach n,$(exercises),$(call lint_c,$1,tests/exercises/$n/grader.c,$(lint_folders) -Itests/exercises/support -Icode/exercises/$n);)
