/* The tests of chapter 8: pipes and subprocesses. */
#include "groups.h"

int main(int argc, char **argv)
{
    static const struct test_group *const groups[] = {
        &read_pipe_group,
        &write_pipe_group,
        &start_group,
        &end_group,
        &crowd_group,
        &inherit_group,
    };
    return suite_main("ch08", groups, sizeof groups / sizeof *groups, argc, argv);
}
