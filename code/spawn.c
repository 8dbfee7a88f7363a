/* spawn.c - tangled from chapters/08-subprocesses.nw; edit that file, not this one. */
#include "spawn.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { FIRST_OTHER = 3, SIGNALS = 65 };

struct spawn_report {
    int code;
    bool at_cwd;
};

static void reset_signals(void)
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    struct sigaction action;
    for (int signal = 1; signal < SIGNALS; signal++) {
        if (sigaction(signal, NULL, &action) < 0 || action.sa_handler == SIG_DFL)
            continue;
        if (action.sa_handler != SIG_IGN || signal == SIGPIPE || signal == SIGXFSZ)
            sigaction(signal, &by_default, NULL);
    }
}

static int above_standard(int fd)
{
    if (fd < 0 || fd >= FIRST_OTHER)
        return fd;
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OTHER);
    return lifted < 0 ? -errno : lifted;
}

static int arrange(const struct spawn *self, int fds[3])
{
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0 && (fds[i] = above_standard(fds[i])) < 0)
            return -fds[i];
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0 && dup2(fds[i], i) < 0)
            return errno;
    if (self->stderr_is_stdout && dup2(1, 2) < 0)
        return errno;
    if (self->highest < 0)
        return -spawn_close_on_exec_from(FIRST_OTHER);
    for (int fd = FIRST_OTHER; fd <= self->highest; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

static int try_file(const struct spawn *self, const char *file)
{
    const char *const *env = self->env != NULL ? self->env : (const char *const *)environ;
    execve(file, (char *const *)self->arguments, (char *const *)env);
    return errno;
}

static int try_programs(const struct spawn *self)
{
    const char *name = self->arguments[0], *place = self->path;
    int telling = ENOENT;
    if (strchr(name, '/') != NULL)
        return try_file(self, name);
    for (bool more = true; more;) {
        size_t size = strcspn(place, ":");
        memcpy(self->room, place, size);
        self->room[size] = '/';
        strcpy(self->room + size + (size > 0), name);
        int code = try_file(self, self->room);
        if (code != ENOENT && code != ENOTDIR)
            telling = code;
        more = place[size] == ':';
        place += size + 1;
    }
    return telling;
}

static void become(void *context)
{
    const struct spawn *self = context;
    struct spawn_report report = {0};
    int fds[3] = {self->fds[0], self->fds[1], self->fds[2]};
    int channel = above_standard(self->report);
    reset_signals();
    if (self->start_new_session)
        setsid();
    report.code = channel < 0 ? -channel : arrange(self, fds);
    if (report.code == 0) {
        report.at_cwd = self->cwd != NULL && chdir(self->cwd) < 0;
        if (report.at_cwd)
            report.code = errno;
    }
    if (report.code == 0) {
        pthread_sigmask(SIG_SETMASK, &self->mask, NULL);
        report.code = try_programs(self);
    }
    ssize_t told = write(channel, &report, sizeof report);
    (void)told; /* nobody is left to be told otherwise */
}

static int highest_descriptor(void)
{
    int highest = FIRST_OTHER;
    DIR *list = opendir("/dev/fd");
    if (list == NULL)
        return (int)sysconf(_SC_OPEN_MAX);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (fd > highest)
            highest = fd;
    }
    closedir(list);
    return highest + 2; /* the report pipe is still to come */
}

static const char *search_path(const struct spawn *self)
{
    const char *const *variable = self->env;
    if (variable == NULL)
        variable = (const char *const *)environ;
    for (; *variable != NULL; variable++)
        if (strncmp(*variable, "PATH=", 5) == 0)
            return *variable + 5;
    return "/bin:/usr/bin";
}

static int prepare(struct spawn *self)
{
    self->path = search_path(self);
    self->room = malloc(strlen(self->path) + strlen(self->arguments[0]) + 2);
    self->highest = spawn_close_on_exec_from(-1) == 0 ? -1 : highest_descriptor();
    return self->room == NULL ? -ENOMEM : 0;
}

static pid_t hear_report(struct spawn *self, pid_t pid, int fd)
{
    struct spawn_report report;
    ssize_t size;
    do
        size = read(fd, &report, sizeof report);
    while (size < 0 && errno == EINTR);
    if (size != (ssize_t)sizeof report)
        return pid;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    self->failed_at_cwd = report.at_cwd;
    return -report.code;
}

pid_t spawn(struct spawn *self)
{
    int report[2];
    int failed = prepare(self);
    if (failed == 0)
        failed = spawn_pipe(report);
    pid_t pid = failed;
    if (failed == 0) {
        sigset_t all;
        self->report = report[1];
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &self->mask);
        pid = spawn_split(become, self);
        int error = errno;
        pthread_sigmask(SIG_SETMASK, &self->mask, NULL);
        close(report[1]);
        pid = pid < 0 ? -error : hear_report(self, pid, report[0]);
        close(report[0]);
    }
    free(self->room);
    return pid;
}
