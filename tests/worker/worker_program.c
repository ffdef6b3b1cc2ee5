/* The worker alone, for tests that need no front: the same main loop that `eider worker` runs. */
#include "worker/worker.h"

int main(int argc, char **argv)
{
    return worker_main(argc, argv);
}
