# Exercises: what a student starts from, tries and has graded; the proofs that the graders work.
#
# tests/exercises/README.md says what an exercise is made of, tests/exercises/tool does the work.

EX ?=
comma := ,
exercises := $(patsubst tests/exercises/%/exercise.txt,%,$(wildcard tests/exercises/*.*/exercise.txt))
chosen_exercises := $(if $(EX),$(EX),$(exercises))

support_of_graders := $(wildcard tests/exercises/support/*.c) tests/support/kernel.c
c_of_exercises := $(wildcard tests/exercises/support/*.c tests/exercises/*.*/grader.c)
h_of_exercises := $(wildcard tests/exercises/support/*.h)
lint_exercises = $(call lint_c,$1,$(wildcard tests/exercises/support/*.c),$(lint_folders) -Itests/exercises/support); \
    $(foreach n,$(exercises),$(call lint_c,$1,tests/exercises/$n/grader.c,$(lint_folders) -Itests/exercises/support -Icode/exercises/$n);)

# ---------------------------------------------------------------- what graders are linked from

# 4.1 -> 04
chapter_of = $(strip $(foreach n,$(numbers),$(if $(filter $(firstword $(subst ., ,$1)),$(patsubst 0%,%,$n)),$n)))

# $(call graders,MODE,FLAGS)
define graders
build/exercises/$1/support/%.o: tests/exercises/support/%.c build/flags
	$$(call say,CC,$$< ($1))
	@$(need) header:CUnit/CUnit.h
	@mkdir -p $$(@D)
	$$(if $$V,,@)$$(compile) $2 -Itests/support -Itests/exercises/support -c -o $$@ $$<
build/exercises/$1/support/kernel.o: tests/support/kernel.c build/flags
	$$(call say,CC,$$< ($1))
	@mkdir -p $$(@D)
	$$(if $$V,,@)$$(compile) $2 -Itests/support -c -o $$@ $$<
$(foreach n,$(exercises),
build/exercises/$1/$n/grader.o: tests/exercises/$n/grader.c build/flags | build/ch$(call chapter_of,$n)/tangled
	$$(call say,CC,$$< ($1))
	@mkdir -p $$(@D)
	$$(if $$V,,@)$$(compile) $2 -Ibuild/ch$(call chapter_of,$n)/src -Ibuild/ch$(call chapter_of,$n)/src/exercises/$n -Itests/support \
	    -Itests/exercises/support -c -o $$@ $$<
)
-include $$(wildcard build/exercises/$1/*/*.d)
endef
$(eval $(call graders,plain,))
$(eval $(call graders,sanitizers,-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer))

support_objects := $(foreach mode,plain sanitizers,$(patsubst %.c,build/exercises/$(mode)/support/%.o,$(notdir $(support_of_graders))))
# $(call kit,EXERCISES): everything that grading them needs built.
kit = $(support_objects) $(foreach n,$1,build/exercises/plain/$n/grader.o build/exercises/sanitizers/$n/grader.o \
    build/ch$(call chapter_of,$n)/libweft.a $(if $(filter-out 01 02 03 04 05 06,$(call chapter_of,$n)),$(certificates))) \
    $(if $(noweb),build/tangled)
classroom := $(PYTHON) tests/exercises/tool/classroom
known_exercise = $(if $(EX),$(if $(filter $(EX),$(exercises)),,@echo 'there is no graded exercise $(EX); those there are: $(exercises)' >&2; exit 2),\
    @echo 'which exercise? For example: make $@ EX=$(firstword $(exercises))' >&2; exit 2)

.PHONY: start try grade

start: $(if $(noweb),build/tangled) ## begin an exercise: work/N.M [EX=4.1]
	$(known_exercise)
	@$(classroom) start $(EX)

try: $(call kit,$(filter $(EX),$(exercises))) ## compile and run your own work/N.M by hand [EX=4.1] [ARGS=...]
	$(known_exercise)
	@$(classroom) try $(EX) $(if $(ARGS),-- $(ARGS))

grade: $(call kit,$(if $(EX),$(filter $(EX),$(exercises)),$(filter $(exercises),$(notdir $(wildcard work/*.*))))) ## grade work/ [EX=4.1]
	$(if $(EX),$(known_exercise))
	@$(need) gcc valgrind
	@$(classroom) grade $(EX)

# ---------------------------------------------------------------- proofs

.PHONY: grade-selftest
grade-selftest: $(call kit,$(if $(EX),$(filter $(EX),$(exercises)),$(exercises))) $(if $(noweb),build/solutions.tangled) ## prove that the graders work [EX=4.1]
	$(if $(EX),$(known_exercise))
	@$(need) gcc valgrind
	@tests/exercises/tool/selftest $(if $(ONLY),--only $(ONLY)) $(EX)
