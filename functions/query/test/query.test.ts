import { testCaching } from './query/caching.ts';
import { testCandles } from './query/candles.ts';
import { testExplain } from './query/explain.ts';
import { testInstruments } from './query/instruments.ts';
import { testInterface } from './query/interface.ts';
import { testLists } from './query/lists.ts';
import { useQueryMarket } from './query/market.ts';
import { testNumbers } from './query/numbers.ts';
import { testProcess } from './query/process.ts';
import { testPromotions } from './query/promotions.ts';
import { testRefusals } from './query/refusals.ts';

const market = useQueryMarket();

testCandles(market);
testNumbers(market);
testLists(market);
testInstruments(market);
testCaching(market);
testExplain(market);
testRefusals(market);
testPromotions(market);
testInterface(market);
testProcess(market);
