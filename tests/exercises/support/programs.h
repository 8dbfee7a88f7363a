/* programs.h: for grader.c only. */
#ifndef PROGRAMS_H
#define PROGRAMS_H
#include <stdbool.h>

/* Ends what the test left running, first with SIGINT when `kindly`, and forgets all programs. */
void programs_end(bool kindly);

/* Adds a line to the record: "time" when the program used up its time, "errors" with what a sanitizer wrote. */
void grader_note(const char *kind, const char *text);
#endif
