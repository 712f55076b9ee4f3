/* main.c - the entry of grapevine-cli; apart from cli.c so that tests can link the rest. */
#include "cli.h"

int main(int argc, char **argv)
{
    return (int)cli_run(argc, argv);
}
