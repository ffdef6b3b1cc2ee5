/* The program: the server, its workers, and the command line are one file, told apart by the first word. */
#include "app/serve.h"
#include "app/warehouse.h"
#include "base/str.h"
#include "cli/cli.h"
#include "worker/command.h"
#include "worker/worker.h"

int main(int argc, char **argv)
{
    struct str command = argc > 1 ? str_from(argv[1]) : S("");
    if (str_equal(command, S("worker")))
        return worker_main(argc, argv);
    if (str_equal(command, S("step")))
        return command_main(argc, argv);
    if (str_equal(command, S("serve")))
        return serve_main(argc, argv);
    cli_doctor_asks(warehouse_check);
    cli_restore_asks(warehouse_misses);
    return cli_main(argc, argv);
}
