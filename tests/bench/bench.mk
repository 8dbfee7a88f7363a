# make bench: ratios to peers, measured side by side.  make figures: the plots' data, measured again.

bench_programs := $(patsubst tests/bench/%.c,build/bench/%,$(wildcard tests/bench/*.c))
libuv = $(if $(wildcard /usr/include/uv.h),-luv)
libevent = $(if $(wildcard /usr/include/event2/bufferevent_ssl.h),-levent_openssl -levent_core)

$(bench_programs:build/bench/%=build/bench/obj/%.o): build/bench/obj/%.o: tests/bench/%.c build/flags \
    | $(if $(noweb),build/tangled)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(if $V,,@)$(compile) -Icode -c -o $@ $<
$(bench_programs): build/bench/%: build/bench/obj/%.o build/libweft.a
	$(call say,LINK,$@)
	$(if $V,,@)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(if $(filter %/uv_echo,$@),$(libuv)) \
	    $(if $(filter %/event_tls,$@),$(libevent)) $(build_libraries)
-include $(bench_programs:build/bench/%=build/bench/obj/%.d)

.PHONY: bench figures
bench: all $(bench_programs) $(certificates) ## ratios to peers, side by side [BENCH=--quick] [BENCH_STRICT=1]
	@$(need) valgrind socat python3
	@WEFT_BIN=build/bin BENCH_BIN=build/bench tests/bench/run $(BENCH)

figures: all build/bench/asking build/bench/pace ## measure the data of the plots again; make html draws them with gnuplot
	@$(need) gnuplot python3
	@WEFT_BIN=build/bin BENCH_BIN=build/bench tests/bench/figures

# Is what is committed of the shape that the pages speak of?
$(eval $(call suite,figures,,,--live --limit 60,tests/bench/figures --check))
check_suites += figures
check: suite-figures
