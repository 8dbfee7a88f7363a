#ifndef CH05_GROUPS_H
#define CH05_GROUPS_H
#include "suite.h"
extern const struct test_group limit_group, mark_group, reading_group, cork_mark_group, pressure_group, tracing_group;
#endif
