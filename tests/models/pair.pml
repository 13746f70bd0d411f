/* pair.pml: the smallest model of a pair: P1-P3, P5, P6 and above all P2. Node 0 starts PRIMARY(1), node 1 BACKUP(1); a failed node
   stays failed. One lock that is never released: lk[i] is the view in which node i's holder was numbered (0: free), so two
   different values that were answered are two holders.

   inb[i]   FIFO inbox of node i: frames of the peer and TICKs, one tick outstanding (P2)
   time     node i's ticker may post only if the peer handled a tick since i's last post (fresh), or the peer is paused or gone,
            or, with -DLATE=k, k times in a row although it did not: a beat may be k ticks late
   faults   -DCRASH -DPAUSE (one in all: FAULTS), -DLOSS=k (k frames lost), -DPART (a partition)
   mutants  -DSTALETICK (ticks overtake frames), -DNOGAP (a gap does not reset), -DLITERAL (a frame does not set the count to zero),
            -DEAGER (the backup serves), -DANSWERFIRST, -DNOBEAT with -DNOSTALE, -DNODEMOTE, -DNOPARITY, -DQUEUED (more than one
            tick outstanding: they pile up while a node is paused) */
#ifndef N
#define N 3
#endif
#ifndef FAULTS
#define FAULTS 1
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef CAP
#define CAP 20
#endif
#define GONE 0
#define DEMOTED 1
#define BACKUP 2
#define PRIMARY 3
#define SOLO 4
#define TICK 1
#define FWD 2
#define ACK 3
#define HB 4
#define SOLOV 5
#define STALE 6

#ifdef TRAIL
#define HIDDEN
#define SAY(f,a,b,c,d,e) printf(f,a,b,c,d,e)
#else
#define HIDDEN hidden
#define SAY(f,a,b,c,d,e) skip
#endif

chan inb[2] = [CAP] of { byte, byte, byte };        /* type, view, lock */
byte role[2]; byte view[2]; byte lk[2]; byte pend;  /* pend: PRIMARY has numbered and forwarded an acquire */
byte miss[2]; bool heard[2]; bool gap[2]; bool tk[2]; bool fresh[2]; byte front[2]; byte late[2];
byte pz; byte plen; byte faults; byte lost; bool cut; byte holder;
HIDDEN byte xi, xo, xt, xv, xx, xk, xd;             /* scratch: dead between steps */

#define up(a) (role[a] != GONE)
#define run(a) (up(a) && pz != (a)+1)
#define silent(a) (pz == (a)+1 || !up(a))
#define MAYTICK(a) (fresh[a] || silent(1-(a)) || late[a] < LATE)
#ifdef QUEUED
#define BURST (N+1)
#else
#define BURST 1
#endif
#ifdef STALETICK
#define FULL(a) 1
#else
#define FULL(a) silent(a)
#endif

inline put(to,tt,vv,yy) {
  if
  :: !up(to) || cut -> skip
  :: (FULL(to) || tt == STALE) && inb[to]??[eval(tt),eval(vv),eval(yy)] -> skip                  /* the same once more */
  :: else ->
     if
#ifdef LOSS
     :: lost < LOSS -> lost++
#endif
     :: assert(len(inb[to]) < CAP); inb[to]!tt,vv,yy
     fi
  fi
}
inline grant(yy) { assert(holder == 0 || holder == yy); holder = yy }            /* a client is told: it holds */
inline gosolo(a) {
  assert(role[1-(a)] != SOLO);                                                   /* never two SOLO nodes */
#ifdef NOPARITY
  view[a] = view[a] + 1; assert(view[1-(a)] != view[a]);
#else
  view[a] = view[a] + (role[a] == BACKUP -> 2 : 1);
#endif
  if :: role[a] == PRIMARY && pend -> lk[a] = pend; pend = 0 :: else -> skip fi;
  role[a] = SOLO; miss[a] = 0; heard[a] = 0;
  if :: lk[a] != 0 -> grant(lk[a]) :: else -> skip fi;
#ifndef NOBEAT
  put(1-(a),SOLOV,view[a],0)
#endif
}

active proctype M() {
  atomic { role[0] = PRIMARY; role[1] = BACKUP; view[0] = 1; view[1] = 1; fresh[0] = 1; fresh[1] = 1 }
end: do
  /* ---- a node handles the head of its inbox ---- */
  :: atomic { (run(0) && (front[0] || len(inb[0]) > 0)) || (run(1) && (front[1] || len(inb[1]) > 0)) ->
     if
     :: run(0) && (front[0] || len(inb[0]) > 0) -> xi = 0
     :: run(1) && (front[1] || len(inb[1]) > 0) -> xi = 1
     fi; xo = 1-xi;
     if
     :: front[xi] > 0 -> front[xi]--; xt = TICK; xv = 0; xx = 0
#ifdef STALETICK
     :: front[xi] == 0 && tk[xi] -> inb[xi]??TICK,_,_; xt = TICK; xv = 0; xx = 0
#endif
     :: else -> inb[xi]?xt,xv,xx
     fi;
     SAY("node %d role %d miss %d handles %d of view %d\n", xi, role[xi], miss[xi], xt, xv);
     if
     :: xt == TICK ->
        tk[xi] = 0; fresh[xo] = up(xo);
        if
        :: gap[xi] -> gap[xi] = 0; heard[xi] = 0; miss[xi] = 0
        :: !gap[xi] && heard[xi] -> heard[xi] = 0
        :: else -> if :: role[xi] == PRIMARY || role[xi] == BACKUP -> miss[xi]++ :: else -> skip fi
        fi;
        if
        :: role[xi] == SOLO ->
#ifndef NOBEAT
           put(xo,SOLOV,view[xi],0)
#else
           skip
#endif
        :: (role[xi] == PRIMARY || role[xi] == BACKUP) && miss[xi] >= N -> gosolo(xi)
        :: (role[xi] == PRIMARY || role[xi] == BACKUP) && miss[xi] < N ->
           put(xo,HB,view[xi],0);
           if :: role[xi] == PRIMARY && pend && !(inb[1]??[FWD,_,_]) && !(inb[0]??[ACK,_,_]) -> put(1,FWD,view[0],pend) :: else -> skip fi
        :: role[xi] == DEMOTED -> skip
        fi
     :: xt != TICK && role[xi] == DEMOTED -> skip
     :: xt != TICK && role[xi] != DEMOTED && xv > view[xi] ->                      /* P6 */
#ifdef NODEMOTE
        skip
#else
        role[xi] = DEMOTED; view[xi] = 0; miss[xi] = 0; heard[xi] = 0; lk[xi] = 0; if :: xi == 0 -> pend = 0 :: else -> skip fi
#endif
     :: xt != TICK && role[xi] != DEMOTED && xv < view[xi] ->
#ifdef NOSTALE
        skip
#else
        if :: xt != STALE -> put(xo,STALE,view[xi],0) :: else -> skip fi
#endif
     :: xt != TICK && role[xi] != DEMOTED && xv == view[xi] ->
        heard[xi] = 1;
#ifndef LITERAL
        miss[xi] = 0;
#endif
        if
        :: xt == FWD && role[xi] == BACKUP -> lk[1] = xx; put(0,ACK,xv,xx)
        :: xt == ACK && role[xi] == PRIMARY && pend -> lk[0] = xx; pend = 0; grant(xx)
        :: else -> skip
        fi
     fi;
     xi = 0; xo = 0; xt = 0; xv = 0; xx = 0 }

  /* ---- a client asks for the lock ---- */
  :: atomic { run(0) && role[0] == PRIMARY && pend == 0 && lk[0] == 0 -> pend = view[0]; put(1,FWD,view[0],pend);
#ifdef ANSWERFIRST
     lk[0] = pend; pend = 0; grant(lk[0])
#endif
     }
  :: atomic { run(0) && role[0] == SOLO && lk[0] == 0 -> lk[0] = view[0]; grant(lk[0]) }
  :: atomic { run(1) && role[1] == SOLO && lk[1] == 0 -> lk[1] = view[1]; grant(lk[1]) }
#ifdef EAGER
  :: atomic { run(1) && role[1] == BACKUP && lk[1] == 0 -> lk[1] = 9; grant(9) }
#endif

  /* ---- tickers ---- */
  :: atomic { run(0) && !tk[0] && MAYTICK(0) -> xi = 0; goto ticks }
  :: atomic { run(1) && !tk[1] && MAYTICK(1) -> xi = 1;
ticks:
     if :: fresh[xi] -> late[xi] = 0 :: !fresh[xi] && !silent(1-xi) -> late[xi]++ :: else -> skip fi;
     fresh[xi] = 0; tk[xi] = 1; assert(len(inb[xi]) < CAP); inb[xi]!TICK,0,0; if :: pz == 2-xi && plen < 2 -> plen++ :: else -> skip fi; xi = 0 }

  /* ---- faults ---- */
#ifdef CRASH
  :: atomic { faults < FAULTS && up(0) && up(1) -> faults++; if :: xi = 0 :: xi = 1 fi; xo = 1-xi;
     SAY("node %d crashes\n", xi, 0, 0, 0, 0);
     xk = len(inb[xo]); xd = 0;                                                   /* of what was on its way the last part may be lost */
     do
     :: xk > 0 -> xk--; inb[xo]?xt,xv,xx;
        if :: xd == 0 && xt != TICK -> xd = 1 :: skip fi;
        if :: xd && xt != TICK -> skip :: else -> inb[xo]!xt,xv,xx fi
     :: else -> break
     od;
     do :: inb[xi]?_,_,_ :: len(inb[xi]) == 0 -> break od;
     role[xi] = GONE; view[xi] = 0; lk[xi] = 0; miss[xi] = 0; heard[xi] = 0; gap[xi] = 0; tk[xi] = 0; fresh[xi] = 0; front[xi] = 0;
     if :: xi == 0 -> pend = 0 :: else -> skip fi;
     xi = 0; xo = 0; xt = 0; xv = 0; xx = 0; xd = 0 }
#endif
#ifdef PAUSE
  :: atomic { faults < FAULTS && pz == 0 && up(0) && up(1) -> faults++; if :: pz = 1 :: pz = 2 fi; SAY("node %d pauses\n", pz-1, 0, 0, 0, 0) }
  :: atomic { pz != 0 -> xi = pz-1; pz = 0; SAY("node %d wakes\n", xi, 0, 0, 0, 0);
     if
#ifndef NOGAP
     :: gap[xi] = 1
#else
     :: plen >= 2 -> skip
#endif
     :: plen < 2 -> skip
     fi;
     if :: tk[xi] -> skip :: else -> if :: skip :: tk[xi] = 1; front[xi] = BURST; fresh[xi] = 0 fi fi;     /* a tick may be first */
     plen = 0; xi = 0 }
#endif
#ifdef PART
  :: atomic { faults < FAULTS && !cut -> faults++; cut = 1 }
  :: atomic { cut -> cut = 0 }
#endif
  od
}
