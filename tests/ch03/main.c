/* The tests of chapter 3: protocols, futures, servers, connections. */
#include "groups.h"

int main(int argc, char **argv)
{
    static const struct test_group *const groups[] = {
        &future_group,
        &end_group,
        &name_group,
        &server_group,
        &accept_group,
        &connection_group,
        &cancel_group,
        &unix_group,
        &text_group,
    };
    return suite_main("ch03", groups, sizeof groups / sizeof *groups, argc, argv);
}
