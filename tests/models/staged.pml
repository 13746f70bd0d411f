/* staged.pml: two whole lives of a pair: suspicion (P2, P3, P5), views (P6), staged rejoin (P7), identity and incarnations (P0),
   trusted refusals (P9), under faults that come one after another. founding.pml is this model started from nothing.

   A step of the model is one actor handling one message. Frames carry their view and the sender's incarnation; a frame for or of
   a former life never gets in. inb[i] is node i's FIFO inbox: frames of the peer and ticks, one tick outstanding.
   time     node i's ticker may post only if the peer handled a tick since i's last post (fresh), or the peer is paused or gone
   lg[i]    node i's log: entry k is the k-th nibble, the view in which it was numbered; one numbering per view and place, so two
            different entries at one place ("lock k has two holders") are two different nibbles
   G        ghost: the history that was answered. Whoever answers or begins to serve must hold all of it (serve)
   own[v]   ghost: the one life that ever led view v

   faults   -DCRASH -DPAUSE -DLEAVE (a node says bye), FAULTS in all, each when the pair could stand it (MAYLOSE);
            -DLOSEFILE (a crash may take the identity file), -DLOSS=k frames lost, -DTRUST (P9), -DCUTS=k connections cut (with TRUST)
            -DANY: any fault at any time, partitions too. Then only: no view has two leaders; views stay bounded.
   sizes    -DN=4 -DFAULTS=2 -DK=2 (entries) -DW=1 (the window of P7)
   check    -DLIVE: from every state, once faults stop, a fair schedule forms the pair within KMAX ticks
   mutants  see models_test.go and README.md */
#ifndef N
#define N 4
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef K
#define K 2
#endif
#ifndef W
#define W 1
#endif
#ifndef KMAX
#define KMAX 40
#endif
#ifndef CAP
#define CAP 16
#endif
#ifndef VMAX
#define VMAX 15
#endif

#define GONE 0                      /* roles */
#define JOINING 1
#define DEMOTED 2
#define BACKUP 3
#define PRIMARY 4
#define SOLO 5

#define TICK 1                      /* frames and events */
#define FWD 2                       /* view, number << 4 | entry */
#define ACK 3                       /* view, number */
#define HB 4
#define SOLOV 5
#define STALE 6
#define BYE 7
#define HELLO 8                     /* highest view seen, the life of the receiver that the sender knows */
#define REPORT 9                    /* highest view seen, log */
#define SNAP 10                     /* view, log */
#define TAIL 11                     /* view, number << 4 | entry */
#define START 12                    /* view, m, or FOUND */
#define EOS 13                      /* the peer's stream has ended */
#define REFUSED 14                  /* nobody listens at the peer's address */
#define FOUND 99
#define RENEWED 98                  /* -DRENEW=k: PRIMARY(v) that runs out of tokens becomes PRIMARY(v+1) with its backup, k times */

#ifdef TRAIL
#define HIDDEN
#define SAY5(f,a,b,c,d,e) printf(f,a,b,c,d,e)
#define SAY2(f,a,b) printf(f,a,b)
#else
#define HIDDEN hidden
#define SAY5(f,a,b,c,d,e) skip
#define SAY2(f,a,b) skip
#endif

chan inb[2] = [CAP] of { byte, byte, short, byte };     /* type, view, x, sender's incarnation */
byte role[2]; byte view[2]; short lg[2];
byte pend[2];                       /* PRIMARY: view of the entry numbered and forwarded, not acknowledged */
byte st[2];                         /* PRIMARY: START(view, st-1) is still to be acknowledged; FOUND */
bool have[2];                       /* joiner: holds a snapshot of the survivor's */
byte miss[2]; bool heard[2]; bool gap[2]; bool tk[2]; bool fresh[2]; bool front[2];
byte idv[2]; bool idf[2];           /* identity file: highest view; exists */
byte inc[2]; byte known[2];         /* own incarnation; the peer's that was heard */
bool ended[2]; byte refd[2];        /* P9: the known life's stream has ended; REFLATE: a refusal is under way (1 + the life it is proof for) */
bool shut[2];                       /* CLOSEFIRST: listener and streams closed before the role was given up */
byte pz; byte plen; byte faults; byte lost; byte cuts; byte closing; byte renews; bool part;
short G; byte own[VMAX+1];
HIDDEN byte xi, xo, xt, xv, xq, xk, xd, xw; HIDDEN short xx, xe;  /* scratch: dead between steps */

#define LEN(l) ((l) == 0 -> 0 : ((l) < 16 -> 1 : ((l) < 256 -> 2 : 3)))
#define PREFIX(a,b) ((a) == 0 || (a) == (b) || ((a) < 16 && ((b) & 15) == (a)) || ((a) < 256 && ((b) & 255) == (a)))
#define ENTRY(l,n) (((l) >> (4*((n)-1))) & 15)
#define norole(a) (role[a] == JOINING || role[a] == DEMOTED)
#define up(a) (role[a] != GONE)
#define run(a) (up(a) && pz != (a)+1)
#define first(a) ((a) == 0)         /* started as primary */
#define MAYTICK(a) (fresh[a] || pz == 2-(a) || !up(1-(a)) || shut[1-(a)])
#define FORMED (view[0] == view[1] && (role[0] == PRIMARY && role[1] == BACKUP || role[0] == BACKUP && role[1] == PRIMARY))
#ifdef ANY
#define CHECK(c) skip
#define MAYLOSE(a) 1
#define MAYPAUSE 1
#else
#define CHECK(c) assert(c)
/* What one fault may hit: either of a formed pair; who does not serve, while the other serves alone; anybody before any answer. */
#define MAYLOSE(a) (FORMED || (role[1-(a)] == SOLO && role[a] != SOLO) || (G == 0 && role[0] != SOLO && role[1] != SOLO))
#define MAYPAUSE (FORMED || role[0] == SOLO || role[1] == SOLO || G == 0)
#endif
#ifdef STARTABOVE
#define TAKES(a,b) ((a) > (b))
#else
#define TAKES(a,b) ((a) >= (b))
#endif
#ifdef STARTANY
#define HOLDS(a,b) 1
#else
#define HOLDS(a,b) ((a) >= (b))
#endif
#ifdef NOECHO
#define ECHOED 1
#else
#define ECHOED (xt == REPORT || xx == inc[xi])
#endif
#ifndef RENEWSTEP
#define RENEWSTEP 3
#endif
#define quiet (len(inb[0]) == 0 && len(inb[1]) == 0)

inline put(a,tt,vv,yy) {
  if
  :: tt == HELLO && yy != 0 && yy != inc[1-(a)] -> skip            /* for a former life: dropped at the door */
  :: tt != HELLO && known[a] != inc[1-(a)] -> skip
  :: (!up(1-(a)) && !(tt == HELLO && yy == 0)) || part || shut[0] || shut[1] -> skip
  :: (!up(1-(a)) || pz == 2-(a) || tt == HELLO || tt == STALE) && inb[1-(a)]??[eval(tt),eval(vv),eval(yy),eval(inc[a])] -> skip  /* the same once more */
  :: else ->
     if
#ifdef LOSS
     :: lost < LOSS && closing == 0 -> lost++; if :: miss[0] = 0; miss[1] = 0 :: skip fi     /* with or without a new connection */
#endif
     :: assert(len(inb[1-(a)]) < CAP); inb[1-(a)]!tt,vv,yy,inc[a]
     fi
  fi
}
inline sees(a,vv) {                 /* P0: on disk before it is used */
  view[a] = vv; assert(vv < VMAX);
#ifndef NOSYNC
  if :: vv > idv[a] -> idv[a] = vv :: else -> skip fi;
#endif
  idf[a] = 1
}
inline owns(a) {                    /* one leader a view; where identities may be lost, one that answered */
  assert(own[view[a]] == 0 || own[view[a]] == 1+(a)+2*inc[a]);
  own[view[a]] = 1+(a)+2*inc[a]
}
#ifdef LOSEFILE
#define leads(a) skip
#define answers(a) owns(a)
#else
#define leads(a) owns(a)
#define answers(a) skip
#endif
inline serve(a) {                   /* node a answers from its log */
  CHECK(PREFIX(G, lg[a]));
#ifndef ANY
  G = lg[a]
#endif
}
inline serve2(a) {                  /* after an acknowledgement: the other may have gone on from there */
  CHECK(PREFIX(G, lg[a]) || PREFIX(lg[a], G));
#ifndef ANY
  if :: LEN(lg[a]) > LEN(G) -> G = lg[a] :: else -> skip fi
#endif
}
inline gosolo(a) {                  /* P3, P5, P0 */
  CHECK(role[1-(a)] != SOLO);                                      /* never two SOLO nodes */
#ifdef NOPARITY
  sees(a, view[a]+1);
#else
#ifdef RENEW
  sees(a, view[a] + (role[a] == BACKUP -> 2 : (st[a] == RENEWED -> RENEWSTEP : 1)));
#else
  sees(a, view[a] + (role[a] == BACKUP -> 2 : 1));
#endif
#endif
  if :: pend[a] != 0 -> lg[a] = lg[a] | (pend[a] << (4*LEN(lg[a]))); pend[a] = 0 :: else -> skip fi;
  SAY2("  node %d becomes SOLO(%d)\n", a, view[a]); role[a] = SOLO; st[a] = 0; miss[a] = 0; heard[a] = 0; have[a] = 0;
  leads(a); serve(a);
#ifndef NOBEAT
  put(a,SOLOV,view[a],0)
#endif
}
inline demote(a,vv) { SAY2("  node %d is DEMOTED by %d\n", a, vv); role[a] = DEMOTED; sees(a,vv); pend[a] = 0; st[a] = 0; have[a] = 0; miss[a] = 0; heard[a] = 0 }
inline begin(a,ww,mm) {             /* P7, P0: in one step */
  sees(a, ww); SAY2("  node %d becomes PRIMARY(%d)\n", a, ww); role[a] = PRIMARY; st[a] = mm; pend[a] = 0; miss[a] = 0; heard[a] = 0; have[a] = 0;
  leads(a); put(a,START,view[a],mm)
}
inline tails(a,nn) {                /* what the joiner lacks after number nn */
  xk = nn;
  do
  :: xk < LEN(lg[a]) -> xk++; xe = (xk << 4) | ENTRY(lg[a],xk); put(a,TAIL,view[a],xe)
  :: else -> break
  od
}
inline wipe(a) {                    /* what dies with the process */
  SAY2("node %d crashes or leaves, fault %d\n", a, faults);
  role[a] = GONE; view[a] = 0; lg[a] = 0; pend[a] = 0; st[a] = 0; have[a] = 0; miss[a] = 0; heard[a] = 0; gap[a] = 0; tk[a] = 0;
  fresh[a] = 0; front[a] = 0; known[a] = 0; ended[a] = 0; refd[a] = 0; shut[a] = 0;
  if :: pz == (a)+1 -> pz = 0; plen = 0 :: else -> skip fi;
  xk = len(inb[a]);                                               /* a frame that names no life may wait for the next */
  do
  :: xk > 0 -> xk--; inb[a]?xt,xv,xx,xq;
     if
     :: xt == HELLO && xx == 0 -> if :: inb[a]!xt,xv,xx,xq :: skip fi
     :: else -> skip
     fi
  :: else -> break
  od
}
inline cutoff(a) {                  /* of what was on its way to node a the last part may be lost */
  xk = len(inb[a]); xd = 0;
  do
  :: xk > 0 -> xk--; inb[a]?xt,xv,xx,xq;
     if :: xd == 0 && xt != TICK && xt != EOS && xt != REFUSED -> xd = 1 :: skip fi;
     if :: xd && xt != TICK && xt != EOS && xt != REFUSED -> skip :: else -> inb[a]!xt,xv,xx,xq fi
  :: else -> break
  od;
#ifdef TRUST
  inb[a]!EOS,0,0,known[a]
#endif
}


active proctype M() {
  atomic { skip;
#ifndef FOUNDING
    role[0] = PRIMARY; role[1] = BACKUP; view[0] = 1; view[1] = 1; idv[0] = 1; idv[1] = 1; idf[0] = 1; idf[1] = 1;
    inc[0] = 1; inc[1] = 1; known[0] = 1; known[1] = 1; fresh[0] = 1; fresh[1] = 1; own[1] = 3;
#ifdef REFLATE
    refd[0] = 1                                                     /* from before node 1 had started */
#endif
#endif
  }
end: do
  /* ---- a node handles the head of its inbox ---- */
  :: atomic { (run(0) && (front[0] || len(inb[0]) > 0)) || (run(1) && (front[1] || len(inb[1]) > 0)) ->
     if
     :: run(0) && (front[0] || len(inb[0]) > 0) -> xi = 0
     :: run(1) && (front[1] || len(inb[1]) > 0) && (closing == 0 || !(run(0) && (front[0] || len(inb[0]) > 0))) -> xi = 1
     fi; xo = 1-xi;
     if
     :: front[xi] -> front[xi] = 0; xt = TICK; xv = 0; xx = 0; xq = 0
     :: else -> inb[xi]?xt,xv,xx,xq
     fi;
     if                                                            /* whose life is it? */
     :: xt == TICK || xt == EOS || xt == REFUSED || xq == known[xi] -> skip
     :: else ->
        if
        :: xq < known[xi] -> xt = 0                                   /* a former life */
        :: xq > known[xi] ->
           xw = known[xi]; known[xi] = xq; have[xi] = 0; ended[xi] = 0;
           if
#ifndef NOINC
           :: xw != 0 && (role[xi] == PRIMARY || role[xi] == BACKUP) -> gosolo(xi)     /* P0: it has begun anew, empty */
#endif
           :: else -> skip
           fi
        fi
     fi;
#ifndef ENDSTICKY
     if :: xt > TICK && xt < EOS -> ended[xi] = 0 :: else -> skip fi;                    /* the stream lives */
#endif
     SAY5("node %d role %d view %d handles %d: view %d", xi, role[xi], view[xi], xt, xv); SAY5(" x %d; log %d, miss %d heard %d gap %d\n", xx, lg[xi], miss[xi], heard[xi], gap[xi]);
     if
     :: xt == 0 -> skip
     :: xt == TICK ->
        tk[xi] = 0; fresh[xo] = up(xo);
        if
        :: gap[xi] -> gap[xi] = 0; heard[xi] = 0; miss[xi] = 0
        :: !gap[xi] && heard[xi] -> heard[xi] = 0
        :: else ->
           if
           :: role[xi] == PRIMARY || role[xi] == BACKUP -> miss[xi]++
#ifdef FOUNDALWAYS
           :: role[xi] == JOINING && first(xi) -> miss[xi]++
#else
           :: role[xi] == JOINING && first(xi) && !idf[xi] -> miss[xi]++
#endif
           :: else -> skip
           fi
        fi;
        if
        :: role[xi] == SOLO ->
#ifndef NOBEAT
           put(xi,SOLOV,view[xi],0)
#else
           skip
#endif
        :: (role[xi] == PRIMARY || role[xi] == BACKUP || role[xi] == JOINING) && miss[xi] >= N -> gosolo(xi)
        :: role[xi] == PRIMARY && miss[xi] < N ->
           if
#ifndef STARTONCE
           :: st[xi] != 0 -> put(xi,START,view[xi],st[xi])
#endif
           :: else -> skip
           fi;
           if :: st[xi] != RENEWED -> put(xi,HB,view[xi],0) :: else -> skip fi;
           if
           :: pend[xi] != 0 && !(inb[xo]??[FWD,_,_,_]) && !(inb[xi]??[ACK,_,_,_]) -> xe = ((LEN(lg[xi])+1) << 4) | pend[xi]; put(xi,FWD,view[xi],xe)
           :: else -> skip
           fi
        :: role[xi] == BACKUP && miss[xi] < N -> put(xi,HB,view[xi],0)
        :: norole(xi) && miss[xi] < N -> if :: have[xi] -> put(xi,REPORT,view[xi],lg[xi]) :: else -> put(xi,HELLO,view[xi],known[xi]) fi
        fi
     :: xt == EOS -> if :: xq == known[xi] -> ended[xi] = 1 :: else -> skip fi
     :: xt == REFUSED ->                                             /* P9 */
        if
#ifdef REFNOEND
        :: (role[xi] == PRIMARY || role[xi] == BACKUP) && known[xi] != 0 -> gosolo(xi)
#else
#ifdef REFAFTER
        :: (role[xi] == PRIMARY || role[xi] == BACKUP) && ended[xi] && xx == known[xi] -> gosolo(xi)
#else
        :: (role[xi] == PRIMARY || role[xi] == BACKUP) && ended[xi] -> gosolo(xi)
#endif
#endif
        :: else -> skip
        fi
     :: (xt == HELLO || xt == REPORT) && norole(xi) ->
        heard[xi] = 1; miss[xi] = 0;
        if
        :: first(xi) && ECHOED ->                                    /* P0: found together */
           xw = (view[xi] > xv -> view[xi] : xv) + 1; lg[xi] = 0; CHECK(G == 0); begin(xi,xw,FOUND)
        :: else -> skip
        fi
     :: xt == HELLO && role[xi] == SOLO -> put(xi,SNAP,view[xi],lg[xi])
     :: xt == REPORT && role[xi] == SOLO ->
        if
        :: PREFIX(xx, lg[xi]) && LEN(xx) + W >= LEN(lg[xi]) ->          /* P7 */
#ifdef OWNVIEW
           xw = view[xi] + 1;
#else
           xw = (view[xi] > xv -> view[xi] : xv) + 1;
#endif
#ifdef NOBUMP
           xw = view[xi];
#endif
           xw = xw; begin(xi,xw,1+LEN(lg[xi])); tails(xi,LEN(xx))
        :: else -> put(xi,SNAP,view[xi],lg[xi])
        fi
     :: xt == REPORT && role[xi] == PRIMARY && st[xi] != 0 ->          /* it came again: nothing is bumped */
#ifdef BUMPAGAIN
        xw = view[xi]+1; sees(xi,xw); leads(xi);
#endif
        if :: PREFIX(xx, lg[xi]) && st[xi] != FOUND -> tails(xi,LEN(xx)) :: else -> skip fi
     :: xt == SNAP && norole(xi) -> lg[xi] = xx; have[xi] = 1; heard[xi] = 1; if :: xv > view[xi] -> sees(xi,xv) :: else -> skip fi
     :: xt == TAIL && norole(xi) ->
        if :: have[xi] && (xx >> 4) == LEN(lg[xi])+1 -> lg[xi] = lg[xi] | ((xx & 15) << (4*LEN(lg[xi]))) :: else -> skip fi
     :: xt == START && norole(xi) ->
        heard[xi] = 1;
        if
        :: TAKES(xv, view[xi]) && (xx == FOUND || (have[xi] && HOLDS(LEN(lg[xi])+1, xx))) ->
           if :: xx == FOUND -> lg[xi] = 0 :: else -> skip fi;
           role[xi] = BACKUP; have[xi] = 0; miss[xi] = 0; sees(xi,xv); xe = LEN(lg[xi]); put(xi,ACK,xv,xe)
        :: else -> skip
        fi
#ifdef RENEW
     :: xt == START && role[xi] == BACKUP && xv == view[xi]+1 && xx == RENEWED ->
        sees(xi,xv); miss[xi] = 0; xe = LEN(lg[xi]); put(xi,ACK,xv,xe)
     :: xt >= FWD && xt <= BYE && role[xi] == PRIMARY && st[xi] == RENEWED && xv == view[xi]-1 ->
        if :: xt == BYE -> gosolo(xi) :: else -> skip fi            /* the backup has not taken START yet */
#endif
     :: xt == START && role[xi] == BACKUP && xv == view[xi] -> xe = LEN(lg[xi]); put(xi,ACK,xv,xe)
     :: xt == BYE && (role[xi] == PRIMARY || role[xi] == BACKUP) && xv <= view[xi] && !(st[xi] == RENEWED && xv < view[xi]) -> gosolo(xi)
     :: else ->                                                     /* P6: other joining frames, and a bye that changes nothing */
#ifdef JOINDEMOTES
        if :: xv > view[xi] -> demote(xi,xv) :: else -> skip fi
#else
        skip
#endif
     :: xt >= FWD && xt <= BYE && norole(xi) -> heard[xi] = 1; if :: xv > view[xi] -> sees(xi,xv) :: else -> skip fi
     :: xt >= FWD && xt <= BYE && !norole(xi) && xv > view[xi] ->        /* P6, P7 */
#ifdef NODEMOTE
        skip
#else
        demote(xi,xv)
#endif
     :: xt >= FWD && xt <= STALE && !norole(xi) && xv < view[xi] && !(st[xi] == RENEWED && xv == view[xi]-1) ->
#ifdef NOSTALE
        skip
#else
        if :: xt != STALE -> put(xi,STALE,view[xi],0) :: else -> skip fi
#endif
     :: xt >= FWD && xt <= STALE && !norole(xi) && xv == view[xi] ->
        heard[xi] = 1; miss[xi] = 0;
        if
        :: xt == FWD && role[xi] == BACKUP ->
           if :: (xx >> 4) == LEN(lg[xi])+1 -> lg[xi] = lg[xi] | ((xx & 15) << (4*LEN(lg[xi]))) :: else -> skip fi;
           xe = LEN(lg[xi]); put(xi,ACK,xv,xe)
        :: xt == ACK && role[xi] == PRIMARY ->
           st[xi] = 0;
           if
           :: pend[xi] != 0 && xx == LEN(lg[xi])+1 -> lg[xi] = lg[xi] | (pend[xi] << (4*(xx-1))); pend[xi] = 0; serve2(xi); answers(xi)
           :: else -> skip
           fi
        :: else -> skip
        fi
     fi;
     xi = 0; xo = 0; xt = 0; xv = 0; xx = 0; xq = 0; xw = 0; xe = 0 }

  /* ---- clients ---- */
  :: atomic { closing == 0 && LEN(lg[0]) < K && ((run(0) && role[0] == SOLO) || (run(0) && role[0] == PRIMARY && pend[0] == 0)) -> xi = 0; goto asks }
  :: atomic { closing == 0 && LEN(lg[1]) < K && ((run(1) && role[1] == SOLO) || (run(1) && role[1] == PRIMARY && pend[1] == 0)) -> xi = 1;
asks:
     if
     :: role[xi] == SOLO -> CHECK(PREFIX(G,lg[xi])); lg[xi] = lg[xi] | (view[xi] << (4*LEN(lg[xi]))); serve(xi); answers(xi)
     :: role[xi] == PRIMARY -> pend[xi] = view[xi]; xe = ((LEN(lg[xi])+1) << 4) | view[xi]; put(xi,FWD,view[xi],xe)
     fi; xi = 0; xe = 0; xk = 0 }

#ifdef RENEW
  :: atomic { closing == 0 && renews < RENEW && ((run(0) && role[0] == PRIMARY && st[0] == 0 && pend[0] == 0) || (run(1) && role[1] == PRIMARY && st[1] == 0 && pend[1] == 0)) ->
     if :: role[0] == PRIMARY && run(0) && st[0] == 0 && pend[0] == 0 -> xi = 0 :: role[1] == PRIMARY && run(1) && st[1] == 0 && pend[1] == 0 -> xi = 1 fi;
     renews++; xw = view[xi]+1; begin(xi,xw,RENEWED); xi = 0; xw = 0 }
#endif

  /* ---- tickers ---- */
  :: atomic { run(0) && !tk[0] && MAYTICK(0) && (closing == 0 || (quiet && up(0) && up(1))) -> xi = 0; goto ticks }
  :: atomic { run(1) && !tk[1] && MAYTICK(1) && (closing == 0 || (quiet && up(0) && up(1))) -> xi = 1;
ticks:
     SAY2("tick posted at node %d, %d frames before it\n", xi, len(inb[xi])); fresh[xi] = 0; tk[xi] = 1; assert(len(inb[xi]) < CAP); inb[xi]!TICK,0,0,0; if :: pz == 2-xi && plen < 2 -> plen++ :: else -> skip fi; xi = 0;
     if
     :: closing > 0 && FORMED && st[0] == 0 && st[1] == 0 -> goto done
     :: closing > 0 && !(FORMED && st[0] == 0 && st[1] == 0) -> assert(closing < KMAX); closing++
     :: else -> skip
     fi }

  /* ---- faults ---- */
#ifdef CRASH
  :: atomic { closing == 0 && faults < FAULTS && ((up(0) && !shut[0] && MAYLOSE(0)) || (up(1) && !shut[1] && MAYLOSE(1))) ->
     if :: up(0) && MAYLOSE(0) -> xi = 0 :: up(1) && MAYLOSE(1) -> xi = 1 fi; faults++;
     if :: up(1-xi) -> cutoff(1-xi) :: else -> skip fi;
     wipe(xi);
#ifdef LOSEFILE
     if :: idf[xi] = 0; idv[xi] = 0 :: skip fi;
#endif
     xi = 0; xt = 0; xv = 0; xx = 0; xq = 0; xk = 0; xd = 0 }
#endif
#ifdef LEAVE
  :: atomic { closing == 0 && faults < FAULTS && ((run(0) && MAYLOSE(0)) || (run(1) && MAYLOSE(1))) ->
     if :: run(0) && MAYLOSE(0) -> xi = 0 :: run(1) && MAYLOSE(1) -> xi = 1 fi; faults++; xv = view[xi];
#ifdef CLOSEFIRST
     shut[xi] = 1; if :: up(1-xi) -> cutoff(1-xi) :: else -> skip fi; cutoff(xi);
#else
     put(xi,BYE,xv,0);
#ifdef TRUST
     if :: up(1-xi) -> inb[1-xi]!EOS,0,0,inc[xi] :: else -> skip fi;
#endif
     wipe(xi);
#endif
     xi = 0; xt = 0; xv = 0; xx = 0; xq = 0; xk = 0; xd = 0 }
  :: atomic { shut[0] || shut[1] -> if :: shut[0] -> xi = 0 :: shut[1] -> xi = 1 fi; wipe(xi); xi = 0; xt = 0; xv = 0; xx = 0; xq = 0; xk = 0 }
#endif
#ifdef PAUSE
  :: atomic { closing == 0 && pz == 0 && faults < FAULTS && MAYPAUSE && (up(0) || up(1)) -> faults++; if :: up(0) -> pz = 1 :: up(1) -> pz = 2 fi; SAY2("node %d pauses, fault %d\n", pz-1, faults) }
  :: atomic { pz != 0 && closing == 0 -> xi = pz-1; pz = 0; SAY2("node %d wakes, plen %d\n", xi, plen);
     if
#ifndef NOGAP
     :: gap[xi] = 1
#endif
     :: plen < 2 -> skip
#ifdef NOGAP
     :: plen >= 2 -> skip
#endif
     fi;
     if :: tk[xi] -> skip :: else -> if :: skip :: tk[xi] = 1; front[xi] = 1; fresh[xi] = 0 fi fi;       /* a tick may be first */
     plen = 0; xi = 0 }
#endif
#ifdef ANY
  :: atomic { closing == 0 && !part && faults < FAULTS -> faults++; part = 1 }
  :: atomic { part -> part = 0 }
#endif
#ifdef CUTS
  :: atomic { cuts < CUTS && closing == 0 && up(0) && up(1) && known[0] == inc[1] && known[1] == inc[0] && !(inb[0]??[EOS,_,_,_]) && !(inb[1]??[EOS,_,_,_]) ->
     cuts++; cutoff(0); cutoff(1); xt = 0; xv = 0; xx = 0; xq = 0; xk = 0; xd = 0 }
#endif
#ifdef TRUST
  :: atomic { run(0) && (!up(1) || shut[1]) && !(inb[0]??[REFUSED,_,_,_]) && closing == 0 -> xi = 0; goto refuses }
  :: atomic { run(1) && (!up(0) || shut[0]) && !(inb[1]??[REFUSED,_,_,_]) && closing == 0 -> xi = 1;
refuses:
#ifdef REFLATE
     refd[xi] = 1 + (ended[xi] -> known[xi] : 0);                   /* was that life's stream known to have ended when the dial began? */
#else
     xx = (ended[xi] -> known[xi] : 0); inb[xi]!REFUSED,0,xx,0; xx = 0;
#endif
     xi = 0 }
#ifdef REFLATE
  :: atomic { refd[0] && run(0) -> xx = refd[0]-1; refd[0] = 0; inb[0]!REFUSED,0,xx,0; xx = 0 }
  :: atomic { refd[1] && run(1) -> xx = refd[1]-1; refd[1] = 0; inb[1]!REFUSED,0,xx,0; xx = 0 }
#endif
#endif

  /* ---- a node starts ---- */
  :: atomic { (!up(0) || (!up(1) && closing == 0)) -> xi = 0; if :: !up(0) -> xi = 0 :: !up(1) && (closing == 0 || up(0)) -> xi = 1 fi; goto starts }
  :: atomic { closing > 0 && up(0) && !up(1) -> xi = 1;
starts:
     SAY2("node %d starts, view %d\n", xi, idv[xi]); inc[xi]++; role[xi] = JOINING; view[xi] = idv[xi]; fresh[xi] = 1;
#ifdef EAGERRESTART
     if :: xi == 0 -> role[0] = PRIMARY; view[0] = 1; known[0] = inc[1]; leads(0) :: else -> skip fi;
#endif
     xi = 0 }
#ifdef LIVE
  :: atomic { closing == 0 && pz == 0 && !part && !shut[0] && !shut[1] -> closing = 1 }
#endif
  od;
done: skip
}
