/* Loaded into a process by LD_PRELOAD: a call of getppid() forks, and returns 0 in the child. */
#include <unistd.h>

pid_t getppid(void) { return fork(); }
