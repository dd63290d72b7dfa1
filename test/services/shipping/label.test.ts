import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orderAddressed, orderCancellationRequested, orderPlaced } from '../../../events/order.ts';
import type { Address } from '../../../events/shapes.ts';
import { renderLabel } from '../../../services/shipping/label/label.ts';
import { STAFF_TOKEN, type TestService } from '../../support/service.ts';
import { print } from './paper.ts';
import { startShipping, Teller } from './parcels.ts';

const SENDER = 'Tradewind · Kontorhaus · Hamburg';

describe('the label of a parcel', () => {
  let service: TestService;
  let teller: Teller;
  beforeAll(async () => {
    service = await startShipping({ SENDER });
    teller = new Teller(service);
  });
  afterAll(() => service.close());

  async function labelOf(id: string): Promise<{ bytes: Uint8Array; response: Response }> {
    const response = await fetch(`${service.service.url}/api/shipments/${id}/label.pdf`, {
      headers: { authorization: `Bearer ${STAFF_TOKEN}` },
    });
    return { bytes: new Uint8Array(await response.arrayBuffer()), response };
  }

  it('is an A6 page with address, sender, order and a barcode that scans', async () => {
    await teller.prepare('TW-4Q7K2M9XJ3PA');
    const { bytes, response } = await labelOf('SHP-4Q7K2M9XJ3PA');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/pdf');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-disposition')).toBe('inline; filename="TW4Q7K2M9XJ3PA6.pdf"');
    const paper = await print(bytes);
    expect(paper.pages).toBe(1);
    expect([Math.round(paper.width), Math.round(paper.height)]).toEqual([105, 148]);
    expect(paper.barcodes).toEqual([{ format: 'Code128', text: 'TW4Q7K2M9XJ3PA6' }]);
    expect(linesOf(paper.text)).toEqual([
      SENDER,
      orderAddressed.example.address.recipient,
      'Deichweg 1',
      '20457 Hamburg',
      'GERMANY (DE)',
      'Order TW-4Q7K2M9XJ3PA',
      'TW4Q7K2M9XJ3PA6',
    ]);
  });

  it('has the present address, and is the same to the byte until that changes', async () => {
    await teller.prepare('TW-MOVED');
    const [before, again] = [await labelOf('SHP-MOVED'), await labelOf('SHP-MOVED')];
    expect(Buffer.compare(before.bytes, again.bytes)).toBe(0);
    await teller.change(2);
    const after = await labelOf('SHP-MOVED');
    expect((await print(after.bytes)).text).toContain('Deichweg 2');
    await teller.staff('POST', '/SHP-MOVED/dispatch');
    expect(Buffer.compare((await labelOf('SHP-MOVED')).bytes, after.bytes)).toBe(0);
  });

  it('is not there before the parcel is prepared, and not any more when it is cancelled', async () => {
    await teller.say(orderPlaced, 'TW-WAITS');
    await teller.prepare('TW-CANCELLED');
    await teller.say(orderCancellationRequested, 'TW-CANCELLED');
    for (const [id, state] of [
      ['SHP-WAITS', 'waiting for its address and its payment and its stock'],
      ['SHP-CANCELLED', 'cancelled (requested)'],
    ]) {
      const { status, body } = await teller.staff('GET', `/${id}/label.pdf`);
      expect(status).toBe(409);
      expect(body.detail).toBe(
        `shipment "${id}" has no label: it is ${state}; a parcel is labelled when it is prepared`,
      );
    }
  });
});

describe('a label in the world’s scripts', () => {
  const trackingNumber = 'TW4Q7K2M9XJ3PA6';
  const render = (address: Partial<Address>) =>
    renderLabel({
      orderId: 'TW-4Q7K2M9XJ3PA',
      sender: SENDER,
      label: { trackingNumber, preparedAt: '2026-11-24T10:00:00.000Z' },
      address: { ...orderAddressed.example.address, ...address },
    });

  it.each([
    ['Łukasz Żółć', 'ul. Świętokrzyska 5', 'PL'],
    ['Ελένη Παπαδοπούλου', 'Οδός Ερμού 3', 'GR'],
    ['Иван Петров', 'ул. Ленина 5', 'BG'],
    ['ישראל ישראלי', 'רחוב הרצל 12', 'IL'],
    ['Zoe\u0308 O’Neill', 'Rue de l’Église 1', 'FR'],
  ])('shows %s, %s as it is written', async (recipient, line1, country) => {
    const { text, barcodes } = await print(await render({ recipient, line1, country }));
    expect(linesOf(text)).toEqual(expect.arrayContaining([recipient.normalize('NFC'), line1]));
    expect(barcodes).toEqual([{ format: 'Code128', text: trackingNumber }]);
  });

  it.each([
    ['山田太郎', '東京都千代田区1-2', 'ShanTianTaiLang', /^DongJing.*1-2$/],
    ['สมชาย', 'ถนนสุขุมวิท 12', 'smchay', /^thnnsukh\w* 12$/],
  ])(
    'writes %s, %s in Latin letters, because the font lacks them',
    async (recipient, line1, name, street) => {
      const lines = linesOf((await print(await render({ recipient, line1, country: 'JP' }))).text);
      expect(lines).toContain(name);
      expect(lines).toContainEqual(expect.stringMatching(street));
    },
  );

  it.each([
    ['controls and line breaks', 'Ada\u0000\u0007\n\tLind\u2028qvist\u202e'],
    ['half a character', 'Ada \ud83d Lindqvist'],
    ['pictures', 'Ada 👩‍👩‍👧‍👦 🇩🇪 Lindqvist'],
  ])('takes %s in a name', async (_what, recipient) => {
    const { text } = await print(await render({ recipient }));
    expect(text).toMatch(/Ada/);
    expect(text).toMatch(/20457 Hamburg/);
  });

  it('breaks the longest address there can be, and runs over nothing', async () => {
    const long = 'W'.repeat(100);
    const words = 'Wharf '.repeat(16) + 'West';
    const address = { recipient: long, line1: words, line2: long, city: long, postalCode: 'W'.repeat(16) };
    const { text, barcodes } = await print(await render(address));
    const lines = linesOf(text);
    expect(barcodes).toEqual([{ format: 'Code128', text: trackingNumber }]);
    const ofAddress = 3 * 100 + 17 + 16;
    const ofOrderAndTracking = 2;
    expect(countOf(lines.join(''), 'W')).toBe(ofAddress + ofOrderAndTracking);
    expect(lines.indexOf('GERMANY (DE)')).toBe(lines.length - 3);
  });
});

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.trim());
}

function countOf(text: string, letter: string): number {
  return text.split(letter).length - 1;
}
