/* A caller over TLS, of OpenSSL's make: the same for all servers and relays that are compared.
 *
 *   tls-client echo    PORT CALLS WARM_UP_MS MS    CALLS callers send 64 bytes and wait for them, again and again
 *   tls-client calls   PORT CALLS WARM_UP_MS MS    each message is a call of its own: handshake, echo, close
 *   tls-client resumed PORT CALLS WARM_UP_MS MS    the same; each call resumes the session of the one before it
 *   tls-client up      PORT 1 WARM_UP_MS MS        one caller sends as fast as it can
 *   tls-client down    PORT 1 WARM_UP_MS MS        one caller receives as fast as it can
 *
 * It speaks TLS 1.3 with TLS_AES_128_GCM_SHA256 and X25519, and nothing else. Prints {"rate": N, "busy": S}: echoes or
 * bytes a second after the warm-up, and its own share of a core. The first failure ends it with status 1 and a line: a
 * wrong byte, and a session that was not resumed, are failures. One thread, which waits by epoll(7).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 64, BULK = 64 * 1024, CALLS_MAX = 1000, SILENT_MS_MAX = 5000 };

enum mode { ECHO, CALLS, RESUMED, UP, DOWN, MODES };
static const char *const modes[MODES] = {"echo", "calls", "resumed", "up", "down"};

struct call {
    int fd;
    SSL *ssl;
    SSL_SESSION *session; /* the latest that it can resume: each is used once, or a server may refuse it */
    bool is_open, is_resuming;
    int got; /* bytes of the answer */
};

static enum mode mode;
static struct sockaddr_in server = {.sin_family = AF_INET};
static SSL_CTX *context;
static int waiting;
static unsigned char message[MESSAGE];
static unsigned long long done; /* echoes or bytes */

static void give_up(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Whether a step of the call was made; if not, it has to wait. */
static bool stepped(struct call *call, int outcome, const char *what) {
    if (outcome > 0)
        return true;
    int why = SSL_get_error(call->ssl, outcome);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return false;
    unsigned long error = ERR_get_error();
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    give_up(what, reason ? reason : why == SSL_ERROR_SYSCALL ? strerror(errno) : "the peer has ended the call");
    return false;
}

static int keep_session(SSL *ssl, SSL_SESSION *latest) {
    struct call *call = SSL_get_app_data(ssl);
    SSL_SESSION_free(call->session);
    call->session = latest;
    return 1; /* it is ours now */
}

static void begin(struct call *call) {
    int yes = 1;
    call->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (call->fd < 0 || connect(call->fd, (struct sockaddr *)&server, sizeof server) != 0)
        give_up("connect", strerror(errno));
    setsockopt(call->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    call->ssl = SSL_new(context);
    if (!call->ssl || !SSL_set_fd(call->ssl, call->fd))
        give_up("SSL_new", "no memory");
    SSL_set_connect_state(call->ssl);
    SSL_set_app_data(call->ssl, call);
    call->is_resuming = mode == RESUMED && call->session;
    if (call->is_resuming)
        SSL_set_session(call->ssl, call->session);
    call->is_open = false;
}

static void watch(struct call *call) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = call};
    fcntl(call->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(waiting, EPOLL_CTL_ADD, call->fd, &event) != 0)
        give_up("epoll_ctl", strerror(errno));
}

static void end(struct call *call) {
    SSL_shutdown(call->ssl);
    SSL_free(call->ssl);
    close(call->fd);
}

static void send_message(struct call *call) {
    call->got = 0;
    if (!stepped(call, SSL_write(call->ssl, message, MESSAGE), "send"))
        give_up("send", "no room for a short message");
}

/* The handshake as far as it goes, and the first message behind it. */
static void shake(struct call *call) {
    if (!stepped(call, SSL_do_handshake(call->ssl), "handshake"))
        return;
    if (call->is_resuming && !SSL_session_reused(call->ssl))
        give_up("handshake", "the session was not resumed");
    call->is_open = true;
    send_message(call);
}

/* Whether the answer is whole. */
static bool is_answered(struct call *call) {
    unsigned char buffer[MESSAGE];
    while (call->got < MESSAGE) {
        int came = SSL_read(call->ssl, buffer, MESSAGE - call->got);
        if (!stepped(call, came, "receive"))
            return false;
        if (memcmp(buffer, message + call->got, (size_t)came) != 0)
            give_up("receive", "other bytes than were sent");
        call->got += came;
    }
    return true;
}

static void go_on(struct call *call) {
    if (!call->is_open)
        shake(call);
    if (!call->is_open || !is_answered(call))
        return;
    done++;
    if (mode == ECHO)
        return send_message(call);
    end(call);
    begin(call);
    watch(call);
    shake(call);
}

static void exchange_until(double until) {
    struct epoll_event events[CALLS_MAX];
    while (seconds(CLOCK_MONOTONIC) < until) {
        int count = epoll_wait(waiting, events, CALLS_MAX, SILENT_MS_MAX);
        if (count == 0)
            give_up("epoll_wait", "nothing was answered for 5 s");
        for (int i = 0; i < count; i++)
            go_on(events[i].data.ptr);
    }
}

static void move_until(double until, struct call *call) {
    static unsigned char bulk[BULK];
    while (seconds(CLOCK_MONOTONIC) < until) {
        int moved = mode == UP ? SSL_write(call->ssl, bulk, BULK) : SSL_read(call->ssl, bulk, BULK);
        if (stepped(call, moved, mode == UP ? "send" : "receive"))
            done += (unsigned long long)moved;
    }
}

static void run_until(double until, struct call *calls) {
    mode == UP || mode == DOWN ? move_until(until, calls) : exchange_until(until);
}

static void make_context(void) {
    context = SSL_CTX_new(TLS_client_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") || !SSL_CTX_set1_groups_list(context, "X25519"))
        give_up("SSL_CTX_new", "TLS 1.3 with this cipher cannot be had");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, BULK);
}

int main(int count, char **words) {
    static struct call calls[CALLS_MAX];
    while (count == 6 && mode < MODES && strcmp(words[1], modes[mode]) != 0)
        mode++;
    int callers = count == 6 ? atoi(words[3]) : 0;
    if (callers < 1 || callers > CALLS_MAX || mode == MODES) {
        fprintf(stderr, "usage: tls-client echo|calls|resumed|up|down PORT CALLS WARM_UP_MS MS\n");
        return 2;
    }
    server.sin_port = htons((uint16_t)atoi(words[2]));
    inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
    signal(SIGPIPE, SIG_IGN);
    memset(message, 'x', sizeof message);
    make_context();
    waiting = epoll_create1(0);
    double start = seconds(CLOCK_MONOTONIC), warm = start + atoi(words[4]) / 1e3;
    for (struct call *call = calls; call < calls + callers; call++) {
        begin(call);
        if (mode == UP || mode == DOWN)
            stepped(call, SSL_do_handshake(call->ssl), "handshake");
        else
            watch(call), shake(call);
    }
    run_until(warm, calls);
    unsigned long long before = done;
    double began = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
    run_until(warm + atoi(words[5]) / 1e3, calls);
    double took = seconds(CLOCK_MONOTONIC) - began;
    used = seconds(CLOCK_PROCESS_CPUTIME_ID) - used;
    printf("{\"rate\": %.1f, \"busy\": %.3f}\n", (double)(done - before) / took, used / took);
    return 0;
}
