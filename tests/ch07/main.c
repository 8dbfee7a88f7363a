/* The tests of chapter 7: TLS. */
#include "ch07/tls_bench.h"
#include "groups.h"

int main(int argc, char **argv)
{
    static const struct test_group *const groups[] = {
        &context_group,
        &meeting_group,
        &trust_group,
        &handshake_group,
        &data_group,
        &ending_group,
        &failing_group,
        &upgrade_group,
        &knowing_group,
    };
    openssl_bytes();
    return suite_main("ch07", groups, sizeof groups / sizeof *groups, argc, argv);
}
