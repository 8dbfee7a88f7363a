# Tests, memory checks, conformance and lint.
#
# A suite is run by tests/tools/run-suite, which writes its log, its count and its JUnit file to
# build/reports/; tests/tools/tally adds the counts up and decides.

numbers_of_tests := $(patsubst tests/ch%,%,$(wildcard tests/ch[0-9][0-9]))

# $(call suite,NAME,WHAT IT NEEDS BUILT,ENVIRONMENT,OPTIONS OF run-suite,COMMAND,TOOLS)
define suite
.PHONY: suite-$(subst /,-,$1)
suite-$(subst /,-,$1): $2 | $(after_setup)
	@$(need) python3 $6
	@$3 tests/tools/run-suite $4 $1 -- $5
endef
suites = $(addprefix suite-,$(subst /,-,$1))

# ---------------------------------------------------------------- certificates, from chapter 7 on

# Made once in each clone: keys are never committed. The script makes this one last.
certificates := $(if $(filter 07,$(numbers)),build/certificates/self-signed.pem)
build/certificates/self-signed.pem: tests/tools/make_certificates | $(after_setup)
	$(call say,OPENSSL,build/certificates)
	@$(need) openssl
	@tests/tools/make_certificates build/certificates

# ---------------------------------------------------------------- CUnit: one executable a chapter and tree

# What stands between the library and the system in tests/support/kernel.c.
wrapped := send sendmsg sendto recv recvmsg recvfrom accept connect socket listen pthread_create select poll epoll_wait \
    malloc calloc realloc free
comma := ,
wrap := $(addprefix -Wl$(comma)--wrap=,$(wrapped))

support_of = $(wildcard tests/support/*.c $(foreach n,$1,tests/support/ch$n/*.c))
test_sources = $(wildcard tests/ch$1/*.c) $(call support_of,$(call numbers_upto,$1))
numbers_upto = $(foreach n,$(numbers),$(if $(filter $n,$(firstword $(sort $1 $n))),$n))

# $(call tests,TREE,SOURCES,CHAPTER NUMBERS,FLAGS,TANGLED)
define tests
$1_tests := $(foreach n,$3,$1/tests/ch$n)
$1_test_sources := $(sort $(foreach n,$3,$(call test_sources,$n)))

$$(patsubst tests/%.c,$1/obj/tests/%.o,$$($1_test_sources)): $1/obj/tests/%.o: tests/%.c build/flags | $5
	$$(call say,CC,$$<)
	@$(need) header:CUnit/CUnit.h
	@mkdir -p $$(@D)
	$$(if $$V,,@)$$(compile) $4 -DWEFT_CHAPTER=$(patsubst 0%,%,$(lastword $3)) -I$2 -Itests/support $(foreach n,$3,$(addprefix -I,$(wildcard tests/support/ch$n))) -c -o $$@ $$<

$(foreach n,$3,
$1/tests/ch$n: $(patsubst tests/%.c,$1/obj/tests/%.o,$(call test_sources,$n)) $1/libweft.a
	$(if $(wildcard tests/ch$n/*.c),,@echo 'tests/ch$n/ has no tests' >&2; exit 1)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(if $$V,,@)$$(CC) $$(CFLAGS) $$(LDFLAGS) $4 -pthread -o $$@ $$^ $(wrap) $$($1_libraries) -lcunit
)
-include $$(patsubst tests/%.c,$1/obj/tests/%.d,$$($1_test_sources))
endef

$(eval $(call tests,build,code,$(numbers),,$(if $(noweb),build/tangled)))
$(foreach n,$(numbers),$(eval $(call tests,build/ch$n,build/ch$n/src,$(call numbers_upto,$n),,build/ch$n/tangled)))

# $(call conformance_runner,TREE,FLAGS): the runner of the conformance scenarios, linked with the whole book's library.
define conformance_runner
$1_conformance := $(patsubst tests/%.c,$1/obj/tests/%.o,$(wildcard tests/conformance/*.c))
$$($1_conformance): $1/obj/tests/%.o: tests/%.c build/flags | $(if $(noweb),build/tangled)
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$$(if $$V,,@)$$(compile) $2 -Icode -c -o $$@ $$<
$1/conformance: $$($1_conformance) $1/libweft.a
	$$(call say,LINK,$$@)
	$$(if $$V,,@)$$(CC) $$(CFLAGS) $$(LDFLAGS) $2 -pthread -o $$@ $$^ $$($1_libraries)
-include $$($1_conformance:.o=.d)
endef
$(eval $(call conformance_runner,build,))

# $(call cunit,TREE,NAME IN THE REPORTS,CHAPTER NUMBERS)
cunit = $(foreach n,$3,$(eval $(call suite,$2/ch$n,$1/tests/ch$n $($1_programs) $(certificates),WEFT_BIN=$1/bin JUNIT_DIR=build/reports/$2,--limit 240,$1/tests/ch$n)))
$(call cunit,build,final,$(numbers))
$(foreach n,$(numbers),$(call cunit,build/ch$n,ch$n,$(call numbers_upto,$n)))

# ---------------------------------------------------------------- the other suites

everything := build/libweft.a $(build_programs) $(certificates)
tree_programs := $(foreach n,$(numbers),build/ch$n/libweft.a $(build/ch$n_programs))

$(eval $(call suite,peers,$(everything),WEFT_BIN=build/bin,--live --limit 400,tests/peers/run,nc socat))
$(eval $(call suite,article,,,--live --limit 300,tests/article/run,openssl))
weaving_tools := notangle ctags dot mscgen module:sphinx module:myst_parser module:furo module:sphinx_copybutton
$(eval $(call suite,coverage,,,--live --limit 60,tests/tools/check_coverage.py))
$(eval $(call suite,weaver,,,--live --limit 600,tests/book/weaver/run,$(weaving_tools)))
$(eval $(call suite,counterparts,,,--live --limit 60,tests/book/counterparts/run,$(weaving_tools)))
$(eval $(call suite,press,,,--live --limit 300,tests/book/press/run,notangle))
$(eval $(call suite,lint-tests,,,--live --limit 120,tests/book/lint/run,notangle ctags))
$(eval $(call suite,transcripts-tests,,,--live --limit 120,tests/book/transcripts/selftest,$(weaving_tools)))
$(eval $(call suite,transcripts,$(everything) $(tree_programs),,--live --limit 600,tests/book/transcripts/run,notangle nc socat strace gdb))
$(eval $(call suite,teeth,$(everything),,--live --limit 1200,tests/teeth/run,header:CUnit/CUnit.h))
$(eval $(call suite,teeth-fit,$(if $(noweb),build/tangled),,--live --limit 60,tests/teeth/run --check))
conformance_run = tests/conformance/run $(if $(SCENARIOS),--dir '$(SCENARIOS)') $(if $(ONLY),--only '$(ONLY)')
$(eval $(call suite,conformance,build/conformance $(certificates),JUNIT_DIR=build/reports,--live --limit 900,$(conformance_run)))
$(eval $(call suite,conformance-tests,,,--live --limit 120,tests/conformance/selftest))
$(eval $(call suite,conformance-teeth,build/libweft.a,,--live --limit 1200,tests/conformance/teeth))

# Before make rewrites code/: is it what the chapters say, as it was committed?
$(eval $(call suite,code-is-fresh,,,--plain,$(PYTHON) book/press/tangle --check code $(chapters)))

# ---------------------------------------------------------------- make check

check_suites := $(foreach n,$(numbers),final/ch$n) peers article coverage teeth-fit conformance-tests conformance
ifneq ($(noweb),)
check_suites := code-is-fresh $(foreach n,$(numbers),$(foreach m,$(call numbers_upto,$n),ch$n/ch$m)) \
    $(check_suites) press lint-tests grader weaver counterparts transcripts-tests transcripts
endif

.PHONY: check $(foreach n,$(numbers),check-ch$n)
check: $(call suites,$(check_suites)) ## every test of every chapter
	@$(if $(noweb),,echo 'Without noweb: whether code/ is fresh, the trees of single chapters, the weaver and the transcripts were not tested.')
	@tests/tools/tally $(check_suites)

$(foreach n,$(numbers),$(eval check-ch$n: $(call suites,$(foreach m,$(call numbers_upto,$n),ch$n/ch$m)); \
    @tests/tools/tally $(foreach m,$(call numbers_upto,$n),ch$n/ch$m)))

.PHONY: check-peers check-weaver check-transcripts check-press coverage conformance conformance-teeth teeth
check-peers: suite-peers ## our programs against nc, socat and Python's asyncio
	@tests/tools/tally peers
check-transcripts: suite-transcripts-tests suite-transcripts ## run what the pages show after a prompt, and compare
	@tests/tools/tally transcripts-tests transcripts
check-weaver: suite-weaver ## tests of the weaver
	@tests/tools/tally weaver
coverage: suite-coverage ## every row of the behaviour that the chapters reach has its test
	@tests/tools/tally coverage
check-press: suite-press suite-lint-tests ## tests of tangling and of the chapters' lint
	@tests/tools/tally press lint-tests
teeth: suite-teeth ## plant faults in the library: each must make a test fail
	@tests/tools/tally teeth
conformance: suite-conformance ## asyncio and ours, trace by trace [SCENARIOS=folder] [ONLY=T06]
	@tests/tools/tally conformance
conformance-teeth: suite-conformance-teeth ## plant faults: each must make a scenario differ
	@tests/tools/tally conformance-teeth

# ---------------------------------------------------------------- memory: Valgrind, the sanitizers

VALGRIND = valgrind --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all \
    --track-fds=yes --child-silent-after-fork=yes --log-file=build/memcheck/$1/%p.log
HELGRIND = valgrind --tool=helgrind --child-silent-after-fork=yes --log-file=build/memcheck/$1/%p.log

# Helgrind looks at the suites of the chapters that have to do with threads.
threaded := $(foreach n,$(numbers),$(if $(findstring pthread_,$(file < $(filter chapters/$n-%,$(chapters)))),$n))
memory_suites = $(foreach n,$2,memcheck-$1/ch$n $(if $(filter $n,$(threaded)),helgrind-$1/ch$n))

# $(call memcheck,TREE,NAME,CHAPTER NUMBERS)
define memcheck
$(foreach n,$3,
$(call suite,memcheck-$2/ch$n,memcheck-tools $1/tests/ch$n $($1_programs) $(certificates),WEFT_BIN=$1/bin JUNIT_DIR=build/reports/memcheck-$2,--limit 900,$(call VALGRIND,$2/ch$n) $1/tests/ch$n)
$(call suite,helgrind-$2/ch$n,memcheck-tools $1/tests/ch$n $($1_programs) $(certificates),WEFT_BIN=$1/bin JUNIT_DIR=build/reports/helgrind-$2,--limit 900,$(call HELGRIND,$2/ch$n-helgrind) $1/tests/ch$n)
)
endef
$(eval $(call memcheck,build,final,$(numbers)))
$(foreach n,$(numbers),$(eval $(call memcheck,build/ch$n,ch$n,$(call numbers_upto,$n))))
$(eval $(call suite,memcheck-peers,memcheck-tools $(everything),WEFT_BIN=build/bin WEFT_WRAP='$(call VALGRIND,peers)',--live --limit 1200,tests/peers/run,nc socat))
$(eval $(call suite,memcheck-conformance,memcheck-tools build/conformance $(certificates),,--live --limit 600,tests/conformance/run --quick --wrap '$(call VALGRIND,conformance)'))

.PHONY: memcheck-tools memcheck $(foreach n,$(numbers),memcheck-ch$n) sanitize
memcheck-tools: | $(after_setup)
	@$(need) valgrind
	@rm -rf build/memcheck
	@mkdir -p build/memcheck/peers build/memcheck/conformance $(foreach t,final $(numbers:%=ch%),$(foreach n,$(numbers),build/memcheck/$t/ch$n build/memcheck/$t/ch$n-helgrind))

memcheck_suites := $(call memory_suites,final,$(numbers))
memcheck: $(call suites,$(memcheck_suites) memcheck-conformance memcheck-peers) ## every suite and program under Valgrind, with a table
	@tests/tools/valgrind-table --programs '$(notdir $(filter-out build/bin/bad/%,$(build_programs)))' \
	    $(memcheck_suites) memcheck-conformance memcheck-peers

$(foreach n,$(numbers),$(eval memcheck-ch$n: $(call suites,$(call memory_suites,ch$n,$(call numbers_upto,$n))); \
    @tests/tools/valgrind-table $(call memory_suites,ch$n,$(call numbers_upto,$n))))

sanitizers := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
sanitizer_options := ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:log_path=build/sanitize/reports/log \
    UBSAN_OPTIONS=print_stacktrace=1:log_path=build/sanitize/reports/log
$(eval $(call tree,build/sanitize,code,$(roots),$(sanitizers)))
$(eval $(call tests,build/sanitize,code,$(numbers),$(sanitizers),$(if $(noweb),build/tangled)))
$(eval $(call conformance_runner,build/sanitize,$(sanitizers)))
sanitize_suites := $(foreach n,$(numbers),sanitize/ch$n) sanitize/peers sanitize/conformance
sanitize_needs := sanitize-start $(build/sanitize_programs) $(certificates)
$(foreach n,$(numbers),$(eval $(call suite,sanitize/ch$n,$(sanitize_needs) build/sanitize/tests/ch$n,$(sanitizer_options) WEFT_BIN=build/sanitize/bin JUNIT_DIR=build/reports/sanitize,--limit 400,build/sanitize/tests/ch$n)))
$(eval $(call suite,sanitize/peers,$(sanitize_needs),$(sanitizer_options) WEFT_BIN=build/sanitize/bin,--live --limit 600,tests/peers/run))
$(eval $(call suite,sanitize/conformance,$(sanitize_needs) build/sanitize/conformance,$(sanitizer_options),--live --limit 600,tests/conformance/run --quick --runner build/sanitize/conformance))
# What the sanitizers wrote, also about a program whose end nobody looked at.
$(eval $(call suite,sanitize/reports,$(call suites,$(sanitize_suites)),,--plain,sh -c '! cat build/sanitize/reports/* 2>/dev/null'))

.PHONY: sanitize-start
sanitize-start:
	@rm -rf build/sanitize/reports && mkdir -p build/sanitize/reports

sanitize: suite-sanitize-reports ## every suite and program with ASan and UBSan
	@tests/tools/tally $(sanitize_suites) sanitize/reports

# ---------------------------------------------------------------- lint

.PHONY: lint lint-chapters lint-format lint-gcc lint-clang lint-cppcheck lint-shell lint-python
lint: lint-chapters lint-format lint-gcc lint-clang lint-cppcheck lint-shell lint-python ## every lint
	@echo 'lint: nothing to complain about'

lint-chapters: | $(after_setup) ## the chapters: traps, chunk sizes, words, and their figures
	@$(need) notangle ctags
	@$(PYTHON) book/press/lint_chapters.py

c_of_tests := $(filter-out tests/exercises/%,$(wildcard tests/*/*.c tests/*/*/*.c))
h_of_tests := $(filter-out tests/exercises/%,$(wildcard tests/*/*.h tests/*/*/*.h))
lint_folders := $(addprefix -I,code tests/support $(wildcard tests/support/ch*))
lint_c = for file in $2; do $1 $(STANDARD) $(WARNINGS) -Werror -O2 -pthread -DWEFT_CHAPTER=$(lastword $(numbers:0%=%)) $3 \
    -c -o /dev/null $$file || bad=1; done

lint-format: $(if $(noweb),build/tangled)
	$(call say,LINT,clang-format)
	@$(need) clang-format
	@book/press/check_format.py $(code) $(c_of_tests) $(h_of_tests) $(c_of_exercises) $(h_of_exercises)
lint-gcc: $(if $(noweb),build/tangled)
	$(call say,LINT,gcc)
	@bad=; $(call lint_c,gcc,$(filter %.c,$(code)) $(c_of_tests),$(lint_folders)); $(call lint_exercises,gcc) test -z "$$bad"
lint-clang: $(if $(noweb),build/tangled $(foreach n,$(numbers),build/ch$n/tangled))
	$(call say,LINT,clang)
	@$(need) clang
	@bad=; $(call lint_c,clang,$(filter %.c,$(code)) $(c_of_tests),$(lint_folders)); $(call lint_exercises,clang) \
	$(foreach n,$(numbers),$(call lint_c,clang,$(filter %.c,$(ch$n_sources)),-Ibuild/ch$n/src);) test -z "$$bad"
lint-cppcheck: $(if $(noweb),build/tangled)
	$(call say,LINT,cppcheck)
	@$(need) cppcheck
	@mkdir -p build/cppcheck
# Version 2.10 stumbles over compound literals behind a `?`, takes parameters without a name for another order, and does
# not know __has_include.
	@cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr --enable=warning,performance,portability \
	    --suppress=internalAstError --suppress=funcArgOrderDifferent --suppress=preprocessorErrorDirective \
	    --cppcheck-build-dir=build/cppcheck $(lint_folders) $(filter %.c,$(code)) $(c_of_tests)
lint-shell: | $(after_setup)
	$(call say,LINT,shellcheck)
	@$(need) shellcheck
	@grep -rlE '^#!/bin/(ba)?sh' --exclude-dir=__pycache__ book tests .ci | xargs -r shellcheck
lint-python: | $(after_setup)
	$(call say,LINT,flake8)
	@$(need) flake8
	@{ grep -rlE '^#!/usr/bin/(env )?python3' --exclude-dir=__pycache__ book tests; \
	   find book tests -name '*.py'; } | sort -u | xargs -r flake8

# ---------------------------------------------------------------- the conversation

.PHONY: demo
demo: build/bin/echo_server build/bin/echo_client html ## the echo conversation, ours and Python's; the woven book
	@$(need) python3
	@WEFT_BIN=build/bin tests/tools/demo
	@echo 'The book is woven. Open build/book/html/index.html'
