#ifndef CH07_GROUPS_H
#define CH07_GROUPS_H
#include "suite.h"
extern const struct test_group context_group, meeting_group, trust_group, handshake_group, data_group, ending_group,
    failing_group, upgrade_group, knowing_group;
#endif
