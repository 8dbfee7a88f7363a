#ifndef CH03_GROUPS_H
#define CH03_GROUPS_H
#include "suite.h"
extern const struct test_group future_group, end_group, name_group, server_group, accept_group, connection_group,
    cancel_group, unix_group, text_group;
#endif
