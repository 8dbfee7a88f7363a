#ifndef CH08_GROUPS_H
#define CH08_GROUPS_H
#include "suite.h"
extern const struct test_group read_pipe_group, write_pipe_group, start_group, end_group,
    crowd_group, inherit_group;
#endif
