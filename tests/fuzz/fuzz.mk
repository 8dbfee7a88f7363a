# Fuzzing: libFuzzer feeds the framers and TLS, with AddressSanitizer and UndefinedBehaviorSanitizer watching.
#
# make fuzz [FUZZ_TIME=60]: so many seconds for each framing and for TLS, beginning with tests/fuzz/corpus/. What it
# learns goes to build/fuzz/; an input that fails is kept there as NAME-crash-…, and build/fuzz/NAME FILE runs it again.

FUZZ_TIME ?= 60
FUZZERS := lines delimiter prefix fixed $(if $(filter tls.c,$(roots)),tls)
fuzz_flags := $(STANDARD) -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Icode -Itests/support/ch04
fuzz_sources := tests/fuzz/framing.c tests/support/ch04/reference.c code/framing.c

build/fuzz/%: $(fuzz_sources) tests/support/ch04/reference.h | $(if $(noweb),build/tangled)
	$(call say,FUZZER,$@)
	@$(need) clang
	@mkdir -p build/fuzz
	$(if $V,,@)clang $(fuzz_flags) -DFRAMING_$$(echo $* | tr a-z A-Z) -o $@ $(fuzz_sources)

# TLS needs the whole library. OpenSSL's own is not watched.
fuzz_tls_sources := tests/fuzz/tls.c $(addprefix code/,$(call library_of,$(roots)))
build/fuzz/tls: $(fuzz_tls_sources) | $(if $(noweb),build/tangled)
	$(call say,FUZZER,$@)
	@$(need) clang
	@mkdir -p build/fuzz
	$(if $V,,@)clang $(fuzz_flags) -pthread -o $@ $(fuzz_tls_sources) $(build_libraries)

.PHONY: fuzz $(FUZZERS:%=fuzz-%)
$(FUZZERS:%=fuzz-%): fuzz-%: build/fuzz/%
	@mkdir -p build/fuzz/$*-corpus
	@tests/fuzz/one build/fuzz/$* $(FUZZ_TIME) tests/fuzz/corpus/$*

fuzz: $(FUZZERS:%=fuzz-%) ## feed framers and TLS what nobody thought of, FUZZ_TIME=60 seconds each
	@echo '$(words $(FUZZERS)) passed, 0 failed'
