#ifndef CH01_GROUPS_H
#define CH01_GROUPS_H
#include "suite.h"
extern const struct test_group queue_group, timer_group, io_group, signal_group, thread_group, life_group, error_group,
    argument_group;
#endif
