/* process.h - what the operating system knows of this process and its machine. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

/* Resident memory in bytes.  `anonymous` is what the process asked for; `file` is mapped files,
 * which the system takes back when it needs the memory. */
struct process_memory {
    int64_t resident;
    int64_t anonymous;
    int64_t file;
};

struct process_memory process_memory(void);

enum process_scope { PROCESS_SELF, PROCESS_CHILDREN, PROCESS_THREAD };

/* Processor time used so far. */
struct process_cpu {
    int64_t system_us;
    int64_t user_us;
};

struct process_cpu process_cpu(enum process_scope scope);

int64_t process_id(void);

/* The path of the program, "" if it isn't known. */
void process_executable(char *path, size_t size);

/* "Linux 6.1.0-18-amd64 x86_64" */
void process_system_name(char *name, size_t size);

/* Another one each time the machine starts; "" if it isn't known. */
#define PROCESS_BOOT_ID_SIZE 37
void process_boot_id(char id[PROCESS_BOOT_ID_SIZE]);

/* Memory of the machine in bytes. */
int64_t process_machine_memory(void);

/* The calling thread works in short turns and should get its turn soon after it wakes, also while
 * longer work is on all processors.  Linux 6.12 and later; elsewhere nothing changes. */
void process_take_short_turns(void);

/* The calling thread's sleeps end when they should; otherwise the kernel may add 50 microseconds to
 * each, to wake several threads at a time. */
void process_sleep_exactly(void);

/* The calling thread has much to do, and others come first.  It calls process_give_way() about once
 * in a tenth of a millisecond: who waits for its processor goes on then. */
void process_step_back(void);
void process_give_way(void);

#endif
