#ifndef CH04_GROUPS_H
#define CH04_GROUPS_H
#include "suite.h"
extern const struct test_group cutting_group, limit_group, keeping_group, frame_protocol_group, cork_group,
    buffered_group;
#endif
