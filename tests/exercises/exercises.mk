# Exercises: what a student starts from, tries and has graded; the proofs that the graders work.
#
# tests/exercises/README.md says what an exercise is made of, tests/exercises/tool does the work.

# From the command line only: a DIR of the environment is somebody else's.
from_command = $(if $(filter command,$(firstword $(origin $1))),$($1))
EX := $(call from_command,EX)
DIR := $(call from_command,DIR)
ARGS := $(call from_command,ARGS)
JOBS := $(call from_command,JOBS)
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

# With DIR, a class: a subdirectory for each student; otherwise what stands in work/.
to_grade = $(filter $(exercises),$(if $(EX),$(EX),$(if $(DIR),$(exercises),$(notdir $(wildcard work/*.*)))))
grade: $(call kit,$(to_grade)) ## grade work/ [EX=4.1], or many hand-ins [DIR=submissions/]
	$(if $(EX),$(known_exercise))
	@$(need) gcc valgrind
	@$(classroom) $(if $(DIR),class '$(DIR)' $(to_grade),grade $(EX))

# Everything that grading needs, built and nothing graded: for a machine that is prepared once.
.PHONY: grade-kit
grade-kit: $(call kit,$(filter $(exercises),$(or $(EX),$(exercises))))
	@$(need) gcc valgrind

# ---------------------------------------------------------------- proofs

.PHONY: grade-selftest
grade-selftest: $(call kit,$(if $(EX),$(filter $(EX),$(exercises)),$(exercises))) $(if $(noweb),build/solutions.tangled) ## prove that the graders work [EX=4.1]
	$(if $(EX),$(known_exercise))
	@$(need) gcc valgrind
	@tests/exercises/tool/selftest $(if $(JOBS),--jobs $(JOBS)) $(if $(ONLY),--only $(ONLY)) $(EX)

# ---------------------------------------------------------------- what students and teachers get

.PHONY: handout gradescope check-handout
handout: $(if $(noweb),build/tangled build/solutions.tangled) ## the tarball for students, without solutions: build/warp-and-weft-handout.tar.gz
	@tests/exercises/tool/handout

# "4.1 4.2": what the assignment asks for; without EX, everything.
gradescope: $(if $(noweb),build/tangled) ## the autograder for Gradescope: build/gradescope.zip [EX="4.1 4.2"]
	@tests/exercises/tool/gradescope $(EX)

$(eval $(call suite,grader,$(call kit,4.1),,--live --limit 300,tests/exercises/tool/run,gcc valgrind module:jsonschema))
$(eval $(call suite,handout,$(if $(noweb),build/tangled build/solutions.tangled),,--live --limit 900,tests/exercises/tool/try_handout))
$(eval $(call suite,handout-whole,$(if $(noweb),build/tangled build/solutions.tangled),,--live --limit 1500,tests/exercises/tool/try_handout --whole))
$(eval $(call suite,gradescope,$(call kit,4.1),,--live --limit 900,tests/exercises/tool/try_gradescope,module:jsonschema))

.PHONY: check-grader check-gradescope check-handout-small
check-grader: suite-grader ## tests of the grader
	@tests/tools/tally grader
check-gradescope: suite-gradescope ## run the autograder as Gradescope would, within 768 MB and half a processor
	@tests/tools/tally gradescope
check-handout-small: suite-handout ## unpack the handout, solve an exercise there, grade it
	@tests/tools/tally handout
check-handout: suite-handout-whole ## the same, and everything else that a student may run: make setup check
	@tests/tools/tally handout-whole

# The transcripts of the page for teachers grade three exercises.
ifneq ($(wildcard book/teachers.md),)
suite-transcripts: $(call kit,3.1 4.1 8.1) $(if $(noweb),build/solutions.tangled)
endif
