/* Loaded into a process by LD_PRELOAD: a call of getppid() forks, and answers the child's number. The child executes no
 * other program, keeps every file open, and ends when its standard input does. */
#include <unistd.h>

pid_t getppid(void) {
    pid_t child = fork();
    if (child != 0) return child;
    char byte;
    while (read(0, &byte, 1) > 0) {}
    _exit(0);
}
