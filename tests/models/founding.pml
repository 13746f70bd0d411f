/* founding.pml: P0. staged.pml started from nothing: two machines without identity files, node 0 meant to be the primary. */
#define FOUNDING
#include "staged.pml"
