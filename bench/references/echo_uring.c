/* A TCP echo server, one thread, io_uring(7) with all that saves calls: what completion costs, beside readiness.
 *
 * usage: echo-uring PORT
 *
 * One accept and, a caller, one receive are asked for once and complete many times (multishot). The kernel takes buffers
 * from a ring when bytes have come; each is sent back from where it lies, and given back when it is sent. A caller's
 * sends follow each other, since the order of those on their way at once is not the order of their bytes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENTRIES = 4096, COMPLETIONS = 16384, BACKLOG = 4096, CALLERS = 1 << 20 };
/* Long ones, for long messages; few, so that the cache holds those that are in use. */
enum { BUFFERS = 256, BUFFER_BYTES = 64 * 1024 };

enum what { ACCEPT, RECEIVE, SEND };

/* A buffer that holds bytes of a caller, and the one that came after it. */
struct held {
	int length, sent, next;
};

struct caller {
	int first, last; /* what is owed, oldest first; NOBODY: nothing */
	bool receives, over;
};

enum { NOBODY = -1 };

static struct io_uring ring;
static struct io_uring_buf_ring *free_buffers;
static char *memory;
static struct held held[BUFFERS];
static struct caller *callers;
/* Callers whose receive ended for want of buffers, to be asked for again. */
static int starved[CALLERS], starved_count;
static int free_count;

static void fail(const char *call, int error)
{
	fprintf(stderr, "%s: %s\n", call, strerror(error));
	exit(1);
}

static int listen_at(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0)
		fail("socket", errno);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	/* Those that are accepted have it too. */
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
		fail("bind", errno);
	if (listen(listener, BACKLOG) < 0)
		fail("listen", errno);
	return listener;
}

static char *bytes_of(int buffer)
{
	return memory + (size_t)buffer * BUFFER_BYTES;
}

static void give_back(int buffer)
{
	io_uring_buf_ring_add(free_buffers, bytes_of(buffer), BUFFER_BYTES, buffer, io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(free_buffers, 1);
	free_count++;
}

static void set_up(void)
{
	struct io_uring_params parameters = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = COMPLETIONS,
	};
	int error = io_uring_queue_init_params(ENTRIES, &ring, &parameters);

	if (error < 0)
		fail("io_uring_setup", -error);
	if (posix_memalign((void **)&free_buffers, 4096, BUFFERS * sizeof(struct io_uring_buf)) ||
	    posix_memalign((void **)&memory, 4096, (size_t)BUFFERS * BUFFER_BYTES))
		fail("posix_memalign", ENOMEM);
	io_uring_buf_ring_init(free_buffers);

	struct io_uring_buf_reg registered = { .ring_addr = (unsigned long)free_buffers, .ring_entries = BUFFERS };

	error = io_uring_register_buf_ring(&ring, &registered, 0);
	if (error < 0)
		fail("io_uring_register", -error);
	for (int buffer = 0; buffer < BUFFERS; buffer++)
		give_back(buffer);
	callers = calloc(CALLERS, sizeof *callers);
	if (!callers)
		fail("calloc", ENOMEM);
}

static struct io_uring_sqe *entry(void)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&ring);

	if (!entry) {
		io_uring_submit(&ring);
		entry = io_uring_get_sqe(&ring);
	}
	if (!entry)
		fail("io_uring_get_sqe", EBUSY);
	return entry;
}

static void name(struct io_uring_sqe *entry, enum what what, int socket)
{
	io_uring_sqe_set_data64(entry, (uint64_t)what << 32 | (uint32_t)socket);
}

static void ask_accept(int listener)
{
	struct io_uring_sqe *accept = entry();

	io_uring_prep_multishot_accept(accept, listener, NULL, NULL, 0);
	name(accept, ACCEPT, listener);
}

static void ask_receive(int socket)
{
	struct io_uring_sqe *receive = entry();

	io_uring_prep_recv_multishot(receive, socket, NULL, 0, 0);
	receive->flags |= IOSQE_BUFFER_SELECT;
	receive->buf_group = 0;
	name(receive, RECEIVE, socket);
	callers[socket].receives = true;
}

static void ask_send(int socket)
{
	struct io_uring_sqe *send = entry();
	int buffer = callers[socket].first;
	struct held *due = &held[buffer];

	io_uring_prep_send(send, socket, bytes_of(buffer) + due->sent, due->length - due->sent, MSG_NOSIGNAL);
	name(send, SEND, socket);
}

/* Closes the socket once no operation names it. */
static void close_if_over(int socket)
{
	struct caller *caller = &callers[socket];

	if (caller->over && !caller->receives && caller->first == NOBODY)
		close(socket);
}

static void accepted(int listener, struct io_uring_cqe *event)
{
	if (event->res >= CALLERS) {
		close(event->res);
	} else if (event->res >= 0) {
		callers[event->res] = (struct caller){ .first = NOBODY, .last = NOBODY };
		ask_receive(event->res);
	}
	if (!(event->flags & IORING_CQE_F_MORE))
		ask_accept(listener);
}

/* Puts what has come behind what is owed already. */
static void owe(int socket, int buffer, int length)
{
	struct caller *caller = &callers[socket];

	held[buffer] = (struct held){ .length = length, .next = NOBODY };
	if (caller->first == NOBODY) {
		caller->first = caller->last = buffer;
		ask_send(socket);
	} else {
		held[caller->last].next = buffer;
		caller->last = buffer;
	}
}

static void received(int socket, struct io_uring_cqe *event)
{
	struct caller *caller = &callers[socket];

	if (event->flags & IORING_CQE_F_BUFFER) {
		int buffer = event->flags >> IORING_CQE_BUFFER_SHIFT;

		free_count--;
		if (event->res > 0 && !caller->over)
			owe(socket, buffer, event->res);
		else
			give_back(buffer);
	}
	if (event->res == -ENOBUFS) { /* it still counts as receiving: the socket stays */
		starved[starved_count++] = socket;
		return;
	}
	if (event->res <= 0)
		caller->over = true;
	if (!(event->flags & IORING_CQE_F_MORE)) {
		caller->receives = false;
		if (!caller->over)
			ask_receive(socket);
	}
	close_if_over(socket);
}

static void sent(int socket, struct io_uring_cqe *event)
{
	struct caller *caller = &callers[socket];
	struct held *due = &held[caller->first];

	if (event->res < 0) { /* nothing that is owed can be paid any more */
		caller->over = true;
		while (caller->first != NOBODY) {
			int next = held[caller->first].next;

			give_back(caller->first);
			caller->first = next;
		}
		shutdown(socket, SHUT_RDWR); /* which ends the receive */
		close_if_over(socket);
		return;
	}
	due->sent += event->res;
	if (due->sent == due->length) {
		int next = due->next;

		give_back(caller->first);
		caller->first = next;
	}
	if (caller->first != NOBODY)
		ask_send(socket);
	else
		close_if_over(socket);
}

/* Asks again for what ended for want of buffers, once there are some. */
static void feed(void)
{
	for (int asked = 0; starved_count > 0 && asked < free_count; asked++)
		ask_receive(starved[--starved_count]);
}

int main(int count, char **words)
{
	if (count != 2) {
		fprintf(stderr, "usage: echo-uring PORT\n");
		return 2;
	}
	set_up();
	int listener = listen_at(atoi(words[1]));

	ask_accept(listener);
	for (;;) {
		struct io_uring_cqe *event;
		unsigned int head, seen = 0;
		int error = io_uring_submit_and_wait(&ring, 1);

		if (error < 0 && error != -EINTR)
			fail("io_uring_enter", -error);
		io_uring_for_each_cqe(&ring, head, event) {
			int socket = (int)(uint32_t)event->user_data;

			seen++;
			switch ((enum what)(event->user_data >> 32)) {
			case ACCEPT:
				accepted(socket, event);
				break;
			case RECEIVE:
				received(socket, event);
				break;
			case SEND:
				sent(socket, event);
				break;
			}
		}
		io_uring_cq_advance(&ring, seen);
		feed();
	}
}
