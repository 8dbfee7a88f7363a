#ifndef CH02_GROUPS_H
#define CH02_GROUPS_H
#include "suite.h"
extern const struct test_group life_group, reading_group, writing_group, ending_group, failing_group, making_group,
    address_group;
#endif
