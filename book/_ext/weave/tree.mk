# Warp & Weft: the library and the programs as they stand after one chapter.
#
#   make            libweft.a, and every program in bin/
#   make clean
CC = gcc
CFLAGS = -O2 -g
STANDARD = -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Wshadow -Wconversion -pthread

library := $(patsubst %.c,%.o,$(wildcard *.c))
programs := $(patsubst programs/%.c,bin/%,$(wildcard programs/*.c)) $(patsubst bad/%.c,bin/bad/%,$(wildcard bad/*.c))
libraries := $(if $(wildcard tls.c),-lssl -lcrypto)

all: libweft.a $(programs)

libweft.a: $(library)
	rm -f $@
	ar rcs $@ $^

%.o: %.c $(wildcard *.h)
	$(CC) $(STANDARD) $(CFLAGS) -I. -c -o $@ $<

bin/bad/%: bad/%.o libweft.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pthread -o $@ $^ $(libraries)
bin/%: programs/%.o libweft.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pthread -o $@ $^ $(libraries)

clean:
	rm -rf bin libweft.a *.o programs/*.o bad/*.o

.PHONY: all clean
.SECONDARY:
