# From chapters to programs: the tangle, the library and the programs of the whole book (code/ and
# build/) and of each chapter (build/chNN, tangled from chapters 1 to NN).

chapters := $(sort $(wildcard chapters/[0-9][0-9]-*.nw))
numbers := $(foreach c,$(chapters),$(firstword $(subst -, ,$(notdir $c))))

# The solutions of the exercises are chapters of their own kind: no tree and no list of programs has them.
solutions := $(sort $(wildcard chapters/solutions/[0-9][0-9]-*.nw))

# A root's name is its path, so make finds the roots of a chapter by reading it: the lines <<PATH>>=.
roots_of = $(sort $(patsubst <<%>>=,%,$(filter <<%.c>>= <<%.h>>=,$(foreach c,$1,$(file < $c)))))
library_of = $(filter-out programs/% bad/% exercises/%,$(filter %.c,$1))
programs_of = $(patsubst %.c,%,$(filter programs/%.c bad/%.c,$1))
starters_of = $(filter exercises/%.c,$1)
program_files = $(patsubst programs/%,$1/bin/%,$(patsubst bad/%,$1/bin/bad/%,$2))

# Chapters up to number $1.
upto = $(foreach c,$(chapters),$(if $(filter $1,$(firstword $(sort $1 $(firstword $(subst -, ,$(notdir $c)))))),$(if $(filter chapters/$1-%,$c),$c),$c))

STANDARD := -std=c11 -D_POSIX_C_SOURCE=200809L
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion
# Debian 12's Valgrind does not read the DWARF 5 that clang writes.
CFLAGS ?= -O2 -g$(if $(findstring clang,$(CC)),dwarf-4)
compile = $(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) -pthread -MMD -MP

# Is noweb here, or will set-up have brought it by the time that it is asked for?
noweb := $(firstword $(after_setup) $(wildcard $(addsuffix /notangle,$(subst :, ,$(PATH)))))
without_noweb = code/ is taken as it is: without noweb there is no way to tangle the chapters (Debian package noweb)

tangler := $(addprefix book/press/,tangle traps.py noweb.py c_names.py stage.py)

# ---------------------------------------------------------------- how to compile

# Another compiler or other flags: everything is compiled again.
flags := $(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) $(LDFLAGS)
ifneq ($(file < build/flags),$(flags))
build/flags: FORCE
endif
build/flags: | $(after_setup)
	@$(need) $(firstword $(CC)) header:stdio.h
	@mkdir -p build && printf '%s\n' '$(flags)' >$@

# $(call tree,WHERE,SOURCES,ROOTS,FLAGS): the library, the programs and the tests' objects of one tree.
define tree
$1_objects := $(patsubst %.c,$1/obj/%.o,$(call library_of,$3))
$1_programs := $(call program_files,$1,$(call programs_of,$3))
$1_starters := $(patsubst %.c,$1/obj/%.o,$(call starters_of,$3))
$1_libraries := $(if $(filter tls.c,$3),-lssl -lcrypto)

$(patsubst %.c,$1/obj/%.o,$(filter %.c,$3)): $1/obj/%.o: $2/%.c build/flags
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$$(if $$V,,@)$$(compile) $4 -I$2 -c -o $$@ $$<

# A root that is gone must be gone from the library and from bin/ too.
ifneq ($$(file < $1/parts),$$(strip $$($1_objects) $$($1_programs)))
$1/parts: FORCE
endif
$1/parts: | $(after_setup)
	@mkdir -p $$(@D)
	@rm -f $$(filter-out $1/bin/bad $$($1_programs),$$(wildcard $1/bin/* $1/bin/bad/*))
	@printf '%s\n' '$$(strip $$($1_objects) $$($1_programs))' >$$@

$1/libweft.a: $$($1_objects) $1/parts
	$$(call say,AR,$$@)
	@rm -f $$@
	$$(if $$V,,@)ar rcs $$@ $$(filter %.o,$$^)

$(foreach kind,programs bad,$(if $(filter $(kind)/%,$3),
$(call program_files,$1,$(filter $(kind)/%,$(call programs_of,$3))): $(patsubst %/,%,$(call program_files,$1,$(kind)/))/%: $1/obj/$(kind)/%.o $1/libweft.a
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(if $$V,,@)$$(CC) $$(CFLAGS) $$(LDFLAGS) $4 -pthread -o $$@ $$^ $$($1_libraries)
))

-include $$(patsubst %.c,$1/obj/%.d,$(filter %.c,$3))
endef

# ---------------------------------------------------------------- the whole book: code/ and build/

roots := $(call roots_of,$(chapters))
code := $(addprefix code/,$(roots))

.PHONY: all tangle
all: $(addprefix build/,$(if $(roots),libweft.a)) ## code/ tangled, the library, every program in build/bin/

ifeq ($(chapters),)
$(error there are no chapters: run make at the top of the clone)
endif

ifneq ($(noweb),)
tangle: build/tangled ## rewrite code/ from the chapters
# Tangled anew when asked for by name, and when a file of code/ is missing.
ifneq ($(filter tangle,$(MAKECMDGOALS))$(filter-out $(wildcard $(code)),$(code)),)
build/tangled: FORCE
endif
build/tangled: $(chapters) $(tangler) | $(after_setup) $(fresh_first)
	$(call say,TANGLE,code/)
	@$(need) notangle python3
	@$(PYTHON) book/press/tangle --into code $(chapters)
	@mkdir -p build && touch $@

# The tangler leaves a file alone when its text stays the same.
$(code): build/tangled ;
else
$(if $(filter-out help clean,$(or $(MAKECMDGOALS),all)),$(info $(without_noweb)))
tangle:
	@$(need) notangle
$(filter-out $(wildcard $(code)),$(code)):
	@$(need) notangle
endif

$(eval $(call tree,build,code,$(roots),))
# Starters of exercises are compiled, that they have no mistake of the language, and linked by those who grade.
all: $(build_programs) $(build_starters)

# ---------------------------------------------------------------- chapter by chapter: build/chNN

# $(call chapter,NN,CHAPTERS)
define chapter
.PHONY: ch$1
ch$1_roots := $(call roots_of,$2)
ch$1_sources := $$(addprefix build/ch$1/src/,$$(ch$1_roots))
ch$1_new := $$(call program_files,build/ch$1,$$(call programs_of,$(call roots_of,$(filter chapters/$1-%,$2))))

ifneq ($$(filter-out $$(wildcard $$(ch$1_sources)),$$(ch$1_sources)),)
build/ch$1/tangled: FORCE
endif
build/ch$1/tangled: $2 $(tangler) | $(after_setup)
	$$(call say,TANGLE,build/ch$1/src/)
	@$(need) notangle python3
	@$(PYTHON) book/press/tangle --lines --into build/ch$1/src $2
	@touch $$@

$$(ch$1_sources): build/ch$1/tangled ;

$$(eval $$(call tree,build/ch$1,build/ch$1/src,$$(ch$1_roots),))

ch$1: build/ch$1/libweft.a $$(build/ch$1_programs) $$(build/ch$1_starters)
	@echo '$(if $(word 2,$2),Chapters 1 to $(patsubst 0%,%,$1) are,Chapter 1 is) in build/ch$1: $$(patsubst build/ch$1/%,%,$$(build/ch$1_programs))'
	@echo 'To try one: $$(lastword $$(filter-out build/ch$1/bin/bad/%,$$(ch$1_new)) $$(ch$1_new)) --help'
endef
$(foreach n,$(numbers),$(eval $(call chapter,$n,$(call upto,$n))))

# ---------------------------------------------------------------- the solutions of the exercises: build/solutions/N.M

build/solutions.tangled: $(chapters) $(solutions) $(tangler) | $(after_setup)
	$(call say,TANGLE,build/solutions/)
	@$(need) notangle python3
	@$(PYTHON) book/press/tangle --solutions --into build/solutions $(chapters) $(solutions)
	@touch $@

.PHONY: trees
trees: $(addprefix ch,$(numbers)) ## the tree of every chapter, in build/chNN
