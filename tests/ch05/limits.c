/* The limits: what may be set, and what comes out. */
#include <errno.h>
#include <stdint.h>

#include "ch05/flowing.h"
#include "groups.h"

static int set(struct flow *flow, ptrdiff_t high, ptrdiff_t low)
{
    return transport_set_write_buffer_limits(flow->transport, high, low);
}

static void at_first_they_are_16_and_64_kibibytes(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    CHECK_LIMITS(&flow, 16384, 65536);
    flow_end(&flow);
}

static void the_low_one_is_a_quarter_of_the_high_one(void)
{
    static const size_t cases[][2] = {{1001, 250}, {65536, 16384}, {4, 1}, {3, 0}, {1, 0}};
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_INT(set(&flow, (ptrdiff_t)cases[i][0], LIMIT_DEFAULT), 0);
        CHECK_LIMITS(&flow, cases[i][1], cases[i][0]);
    }
    flow_end(&flow);
}

static void the_high_one_is_four_times_the_low_one(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    CHECK_INT(set(&flow, LIMIT_DEFAULT, 7), 0);
    CHECK_LIMITS(&flow, 7, 28);
    CHECK_INT(set(&flow, LIMIT_DEFAULT, 0), 0);
    CHECK_LIMITS(&flow, 0, 0);
    flow_end(&flow);
}

static void none_given_they_are_as_at_first(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    CHECK_INT(set(&flow, 5, 5), 0);
    CHECK_LIMITS(&flow, 5, 5);
    CHECK_INT(set(&flow, LIMIT_DEFAULT, LIMIT_DEFAULT), 0);
    CHECK_LIMITS(&flow, 16384, 65536);
    flow_end(&flow);
}

static void a_high_one_of_zero_makes_both_zero(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    CHECK_INT(set(&flow, 0, LIMIT_DEFAULT), 0);
    CHECK_LIMITS(&flow, 0, 0);
    flow_end(&flow);
}

static void what_makes_no_sense_is_refused_and_changes_nothing(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    CHECK_INT(set(&flow, 2000, 1000), 0);
    CHECK_INT(set(&flow, 1, 2), -EINVAL);
    CHECK_INT(set(&flow, -1, LIMIT_DEFAULT), -EINVAL);
    CHECK_INT(set(&flow, LIMIT_DEFAULT, -1), -EINVAL);
    CHECK_INT(set(&flow, 0, 1), -EINVAL);
    CHECK_INT(set(&flow, -1, -2), -EINVAL);
    CHECK_INT(set(&flow, -1, -1), -EINVAL);
    CHECK_INT(set(&flow, PTRDIFF_MIN + 1, LIMIT_DEFAULT), -EINVAL);
    CHECK_INT(set(&flow, PTRDIFF_MAX - 1, PTRDIFF_MAX), -EINVAL);
    CHECK_LIMITS(&flow, 1000, 2000);
    flow_end(&flow);
}

static void a_refused_limit_does_not_pause(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    socket_takes_nothing();
    put(flow.transport, 100);
    CHECK_INT(set(&flow, 1, 2), -EINVAL);
    CHECK_TRACE("");
    CHECK_INT(set(&flow, 1, 1), 0);
    CHECK_TRACE("PW");
    flow_end(&flow);
}

static void very_large_limits_do_not_overflow(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    CHECK_INT(set(&flow, PTRDIFF_MAX, LIMIT_DEFAULT), 0);
    CHECK_LIMITS(&flow, UINT32_MAX, UINT32_MAX); /* kept in 32 bits */
    CHECK_INT(set(&flow, LIMIT_DEFAULT, PTRDIFF_MAX), 0);
    CHECK_LIMITS(&flow, UINT32_MAX, UINT32_MAX);
    CHECK_INT(set(&flow, UINT32_MAX, 7), 0);
    CHECK_LIMITS(&flow, 7, UINT32_MAX);
    flow_end(&flow);
}

static void after_the_loss_they_can_still_be_read_and_set(void)
{
    struct flow flow;
    flow_begin(&flow, tcp_pair);
    CHECK_INT(set(&flow, 1001, LIMIT_DEFAULT), 0);
    transport_abort(flow.transport);
    settle(flow.loop);
    CHECK_TRACE("CL(None)");
    CHECK_LIMITS(&flow, 250, 1001);
    CHECK_INT(set(&flow, 0, 0), 0);
    CHECK_LIMITS(&flow, 0, 0);
    CHECK_TRACE("CL(None)");
    flow_end(&flow);
}

static void each_connection_has_its_own(void)
{
    struct flow one, other;
    flow_begin(&one, tcp_pair);
    flow_begin(&other, tcp_pair);
    CHECK_INT(set(&one, 10, 5), 0);
    CHECK_LIMITS(&other, 16384, 65536);
    flow_end(&one);
    flow_end(&other);
}

static const struct test tests[] = {
    TEST(at_first_they_are_16_and_64_kibibytes),
    TEST(the_low_one_is_a_quarter_of_the_high_one),
    TEST(the_high_one_is_four_times_the_low_one),
    TEST(none_given_they_are_as_at_first),
    TEST(a_high_one_of_zero_makes_both_zero),
    TEST(what_makes_no_sense_is_refused_and_changes_nothing),
    TEST(a_refused_limit_does_not_pause),
    TEST(very_large_limits_do_not_overflow),
    TEST(after_the_loss_they_can_still_be_read_and_set),
    TEST(each_connection_has_its_own),
};
const struct test_group limit_group = TEST_GROUP("limits", tests);
