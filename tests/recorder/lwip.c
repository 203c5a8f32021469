/* An lwIP host on a TAP device that exists (PRECONFIGURED_TAPIF), with a log of the states of all its connections.

   lwip_host ADDRESS NETMASK GATEWAY; "ready" on standard output, then a line for each state entered:
   nanoseconds since 1970, local port, remote port, state. Commands come on standard input: `connect PORT first|second`
   opens a connection to the gateway, and `quit` ends it all.

   States are looked at before and after each frame that comes, before each frame that goes, in each callback, and every
   10 ms for what timers do: with tcpip's lock held, nothing happens in between.

   What a listener does is told by its port: 80 answers a request and closes first; 81 answers, and closes when its peer has;
   82 aborts when a request comes; 83 says more when its peer has closed, and closes then. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"
#include "lwip/tcpip.h"
#include "netif/ethernet.h"
#include "netif/tapif.h"

#define MOST 4096

struct known {
    u16_t local, remote;
    int state, seen;
};

static struct known known[MOST];
static int count;
static struct netif netif;
static netif_linkoutput_fn send_frame;
static const char *const NAMES[] = {"CLOSED", "LISTEN", "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1",
                                    "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT"};

static void say(const struct known *entry) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%lld%09ld %u %u %s\n", (long long)now.tv_sec, now.tv_nsec, entry->local, entry->remote, NAMES[entry->state]);
}

static void look_at(const struct tcp_pcb *pcb) {
    int i = 0;
    while (i < count && (known[i].local != pcb->local_port || known[i].remote != pcb->remote_port))
        i++;
    if (i == count) {
        if (count == MOST)
            abort();
        known[count++] = (struct known){pcb->local_port, pcb->remote_port, -1, 0};
    }
    known[i].seen = 1;
    if (known[i].state != (int)pcb->state) {
        known[i].state = pcb->state;
        say(&known[i]);
    }
}

static void look(void) {
    const struct tcp_pcb *pcb;
    for (int i = 0; i < count; i++)
        known[i].seen = 0;
    for (pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
        look_at(pcb);
    for (pcb = tcp_tw_pcbs; pcb; pcb = pcb->next)
        look_at(pcb);
    for (int i = 0; i < count;) {
        if (known[i].seen) {
            i++;
            continue;
        }
        known[i].state = CLOSED;
        say(&known[i]);
        known[i] = known[--count];
    }
    fflush(stdout);
}

static err_t frame_came(struct pbuf *frame, struct netif *from) {
    err_t error;
    LOCK_TCPIP_CORE();
    look();
    error = ethernet_input(frame, from);
    look();
    UNLOCK_TCPIP_CORE();
    return error;
}

static err_t frame_goes(struct netif *to, struct pbuf *frame) {
    look();
    return send_frame(to, frame);
}

static err_t start(struct netif *interface) {
    err_t error = tapif_init(interface);
    send_frame = interface->linkoutput;
    interface->linkoutput = frame_goes;
    return error;
}

static void answer(struct tcp_pcb *pcb, u16_t bytes) {
    static char text[1000];
    memset(text, 'a', sizeof text);
    tcp_write(pcb, text, bytes, TCP_WRITE_FLAG_COPY);
    tcp_output(pcb);
}

static err_t served(void *arg, struct tcp_pcb *pcb, struct pbuf *data, err_t error) {
    (void)arg, (void)error;
    look();
    if (!data) {
        if (pcb->local_port == 83)
            answer(pcb, 100);
        tcp_close(pcb);
        return ERR_OK;
    }
    tcp_recved(pcb, data->tot_len);
    pbuf_free(data);
    if (pcb->local_port == 82) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    answer(pcb, 500);
    if (pcb->local_port == 80)
        tcp_close(pcb);
    return ERR_OK;
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t error) {
    (void)arg, (void)error;
    look();
    tcp_recv(pcb, served);
    return ERR_OK;
}

static err_t answered(void *first, struct tcp_pcb *pcb, struct pbuf *data, err_t error) {
    (void)error;
    look();
    if (!data) {
        tcp_close(pcb);
        return ERR_OK;
    }
    tcp_recved(pcb, data->tot_len);
    pbuf_free(data);
    if (first)
        tcp_close(pcb);
    return ERR_OK;
}

static err_t connected(void *arg, struct tcp_pcb *pcb, err_t error) {
    (void)arg, (void)error;
    look();
    tcp_recv(pcb, answered);
    answer(pcb, 200);
    return ERR_OK;
}

static void open_to(const ip4_addr_t *gateway, u16_t port, int first) {
    ip_addr_t target;
    struct tcp_pcb *pcb = tcp_new();
    ip_addr_copy_from_ip4(target, *gateway);
    tcp_arg(pcb, first ? pcb : NULL);
    tcp_connect(pcb, &target, port, connected);
    look();
}

static void listen_on(u16_t port) {
    struct tcp_pcb *pcb = tcp_new();
    tcp_bind(pcb, IP4_ADDR_ANY, port);
    tcp_accept(tcp_listen(pcb), accepted);
}

static void timers(void *arg) {
    (void)arg;
    for (;;) {
        usleep(10000);
        LOCK_TCPIP_CORE();
        look();
        UNLOCK_TCPIP_CORE();
    }
}

static void is_up(void *semaphore) { sys_sem_signal(semaphore); }

int main(int argc, char **argv) {
    ip4_addr_t address, netmask, gateway;
    char line[100], how[10];
    unsigned port;
    sys_sem_t up;
    if (argc != 4 || !ip4addr_aton(argv[1], &address) || !ip4addr_aton(argv[2], &netmask) || !ip4addr_aton(argv[3], &gateway))
        return 2;
    sys_sem_new(&up, 0);
    tcpip_init(is_up, &up);
    sys_sem_wait(&up);
    LOCK_TCPIP_CORE();
    netif_add(&netif, &address, &netmask, &gateway, NULL, start, frame_came);
    netif_set_default(&netif);
    netif_set_up(&netif);
    netif_set_link_up(&netif);
    for (port = 80; port < 84; port++)
        listen_on((u16_t)port);
    UNLOCK_TCPIP_CORE();
    sys_thread_new("timers", timers, NULL, 0, 0);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) && strncmp(line, "quit", 4)) {
        if (sscanf(line, "connect %u %9s", &port, how) != 2)
            return 2;
        LOCK_TCPIP_CORE();
        open_to(&gateway, (u16_t)port, !strcmp(how, "first"));
        UNLOCK_TCPIP_CORE();
    }
    _exit(0);
}
