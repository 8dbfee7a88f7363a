/* The tests of chapter 5: flow control. */
#include "groups.h"

int main(int argc, char **argv)
{
    static const struct test_group *const groups[] = {
        &limit_group,
        &mark_group,
        &reading_group,
        &cork_mark_group,
        &pressure_group,
        &tracing_group,
    };
    return suite_main("ch05", groups, sizeof groups / sizeof *groups, argc, argv);
}
