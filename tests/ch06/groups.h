#ifndef CH06_GROUPS_H
#define CH06_GROUPS_H
#include "suite.h"
extern const struct test_group endpoint_group, datagram_group, error_group, queue_group, turn_group,
    unix_datagram_group;
#endif
