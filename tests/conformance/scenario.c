/* Reads the flat form of scenarios, which language.py has checked, from standard input. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void broken(const char *line)
{
    fprintf(stderr, "conformance: cannot read the line: %s\n", line);
    exit(2);
}

static int hex(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* `"616263` is the string abc, anything else a word. */
static void read_word(struct word *word, const char *field)
{
    size_t length = strlen(field);
    if (field[0] != '"') {
        char *text = keep(length + 1);
        memcpy(text, field, length);
        *word = (struct word){.size = length, .text = text};
        return;
    }
    size_t size = (length - 1) / 2;
    char *text = keep(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(hex(field[1 + 2 * i]) * 16 + hex(field[2 + 2 * i]));
    *word = (struct word){.is_text = true, .size = size, .text = text};
}

static char *next_field(char **rest)
{
    char *field = *rest;
    if (field == NULL)
        return NULL;
    char *tab = strchr(field, '\t');
    if (tab != NULL)
        *tab = '\0';
    *rest = tab != NULL ? tab + 1 : NULL;
    return field;
}

static void read_action(struct block *block, char *rest)
{
    struct action *action = keep(sizeof *action);
    (void)next_field(&rest); /* the line in the scenario */
    const char *first = next_field(&rest), *last = next_field(&rest), *only = next_field(&rest);
    char *verb = next_field(&rest);
    if (verb == NULL)
        broken(first ? first : "");
    action->first = atoi(first);
    action->last = atoi(last);
    if (only[0] == '"') {
        struct word *word = keep(sizeof *word);
        read_word(word, only);
        action->only = word;
    }
    action->verb = keep_text("%s", verb);
    for (char *field = next_field(&rest); field != NULL; field = next_field(&rest)) {
        if (action->count == sizeof action->words / sizeof *action->words)
            broken(field);
        read_word(&action->words[action->count++], field);
    }
    *block->end = action;
    block->end = &action->next;
}

static struct block *read_block(struct scenario *scenario, char kind, char *rest)
{
    struct block *block = keep(sizeof *block);
    const char *name = next_field(&rest);
    block->kind = kind;
    block->name = keep_text("%s", name != NULL ? name : "");
    block->end = &block->actions;
    for (char *field = next_field(&rest); field != NULL; field = next_field(&rest)) {
        block->quiet |= strcmp(field, "quiet") == 0;
        block->flow |= strcmp(field, "flow") == 0;
        block->buffered |= strcmp(field, "buffered") == 0;
        block->lines |= strcmp(field, "lines") == 0;
        block->datagrams |= strcmp(field, "datagrams") == 0;
        block->detail = keep_text("%s", field);
    }
    *scenario->end = block;
    scenario->end = &block->next;
    return block;
}

struct scenario *scenarios_read(void)
{
    struct scenario *first = NULL, **end = &first, *scenario = NULL;
    struct block *block = NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, stdin)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char *rest = line;
        const char *kind = next_field(&rest);
        if (kind[0] == 'S') {
            scenario = keep(sizeof *scenario);
            scenario->id = keep_text("%s", rest);
            scenario->end = &scenario->blocks;
            *end = scenario;
            end = &scenario->next;
        } else if (scenario == NULL) {
            if (kind[0] != '\0')
                broken(line);
        } else if (kind[0] == 'H') {
            scenario->real_clock |= strcmp(rest, "clock\treal") == 0;
        } else if (kind[0] == 'A' && block != NULL) {
            read_action(block, rest);
        } else if (kind[0] != '\0' && strchr("PMCFTX", kind[0]) != NULL) {
            block = read_block(scenario, kind[0], rest);
        }
    }
    free(line);
    return first;
}

/* The block of that kind and name. A party of many ("a2") finds the block "a*". */
const struct block *scenario_block(const struct scenario *scenario, char kind, const char *name)
{
    size_t stem = strlen(name);
    while (stem > 0 && name[stem - 1] >= '0' && name[stem - 1] <= '9')
        stem--;
    const struct block *found = NULL;
    for (const struct block *block = scenario->blocks; block != NULL; block = block->next) {
        if (block->kind != kind)
            continue;
        if (strcmp(block->name, name) == 0)
            return block;
        if (strncmp(block->name, name, stem) == 0 && strcmp(block->name + stem, "*") == 0)
            found = block;
    }
    return found;
}
